"""The endpoint: lets clients in, gives each a connection of its own, and ends them all."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from router.cancellation import Cancellation
from router.closing import Closing
from router.model.events import Event, Notice
from router.notices import ignore
from router.serving.client import Arrival, Memory, Relays, Services
from router.serving.connection import ClientConnection
from router.serving.fleet_calls import FleetMethod

__all__ = ["Endpoint", "Entrance"]

# Connections: of all clients, and of those with one identity.
_MOST, _MOST_OF_ONE = 2000, 1000
# How often it is looked whether the last build is over, and how long connections may take to end; seconds.
_LOOK, _END = 0.2, 5.0


class Entrance(Protocol):
    """Where clients come in, one after the other; ``address`` is where they find it."""

    @property
    def address(self) -> str: ...

    def accept(self) -> Arrival | None:
        """Wait for the next client and return it; None once ``stop`` was called."""

    def stop(self) -> None:
        """Let nobody in from now on, and end ``accept``, from any thread. Those that are in stay."""

    def close(self) -> None:
        """Close the socket."""


class Endpoint(Closing):
    """Serves the clients that come in by ``listeners``, which it owns, from ``start`` until it is closed.

    ``router`` finds the daemons; ``methods`` are those that the fleet answers as one, by their paths. ``key``
    is the balancing key of all builds, empty for the rules. ``on_event`` hears, from any thread, what is told
    of builds.
    """

    def __init__(
        self,
        listeners: Sequence[Entrance],
        router: Relays,
        methods: Mapping[str, FleetMethod],
        *,
        key: str = "",
        on_event: Callable[[Event], None] = ignore,
    ) -> None:
        self._listeners = listeners
        self._services = Services(
            router=router,
            methods=methods,
            memory=Memory(),
            key=key,
            on_event=on_event,
            draining=lambda: self._draining,
        )
        self._draining = False
        self._lock = threading.Lock()
        self._connections: dict[ClientConnection, str] = {}
        self._accepting = [
            threading.Thread(target=self._accept, args=(each,), name=f"listen {each.address}", daemon=True)
            for each in listeners
        ]

    def start(self) -> None:
        """Let clients in."""
        for thread in self._accepting:
            thread.start()

    def drain(self, seconds: float, cancellation: Cancellation) -> bool:
        """Take no more builds, and wait so long for those under way to end; say whether they have.

        Raises ``CancelledError`` when ``cancellation`` is thrown.
        """
        self._draining = True
        deadline = time.monotonic() + seconds
        while any(connection.is_building for connection in self._current()):
            if time.monotonic() >= deadline:
                return False
            cancellation.sleep(_LOOK)
        return True

    def close(self) -> None:
        """Let nobody in, cancel what is under way, and end the connections."""
        self._draining = True
        for listener in self._listeners:
            listener.stop()
        connections = self._current()
        for connection in connections:
            connection.stop()
        deadline = time.monotonic() + _END
        for thread in (*self._accepting, *(connection.thread for connection in connections)):
            if thread.ident is not None:
                thread.join(max(deadline - time.monotonic(), 0.0))
        for listener in self._listeners:
            listener.close()

    def _accept(self, listener: Entrance) -> None:
        while (accepted := listener.accept()) is not None:
            self._serve(accepted)

    def _serve(self, accepted: Arrival) -> None:
        with self._lock:
            self._connections = {
                each: who for each, who in self._connections.items() if each.thread.is_alive()
            }
            of_one = Counter(self._connections.values())[accepted.who]
            if self._draining or len(self._connections) >= _MOST or of_one >= _MOST_OF_ONE:
                refused = True
            else:
                refused = False
                connection = ClientConnection(accepted, self._services)
                self._connections[connection] = accepted.who
                connection.thread.start()
        if refused:
            accepted.stream.close()
            if not self._draining:
                said = f"{accepted.description}: refused, there are {len(self._connections)} connections"
                self._services.on_event(Notice(level="warning", text=said))

    def _current(self) -> tuple[ClientConnection, ...]:
        with self._lock:
            return tuple(self._connections)
