"""The endpoint: accepts clients, gives each a connection object, and ends them all."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from router.cancellation import Cancellation
from router.closing import Closing
from router.model.events import Notice
from router.serving.client import Arrival, Services, Shared
from router.serving.connection import ClientConnection

__all__ = ["Endpoint", "Entrance"]

# Limits for connections: of all clients, and of one identity.
_MOST, _MOST_OF_ONE = 2000, 1000
# Seconds between checks for the last build's end, and for connections to end.
_LOOK, _END = 0.2, 5.0


class Entrance(Protocol):
    """Where clients connect, one after the other, at ``address``."""

    @property
    def address(self) -> str: ...

    def accept(self) -> Arrival | None:
        """Wait for the next client and return it; None once ``stop`` was called."""

    def stop(self) -> None:
        """Accept no more clients, and end ``accept``, from any thread. Connected clients stay."""

    def close(self) -> None:
        """Close the socket."""


class Endpoint(Closing):
    """Serves the clients of ``entrances``, which it owns, from ``start`` until it is closed."""

    def __init__(self, entrances: Sequence[Entrance], services: Services) -> None:
        self._entrances = entrances
        self._services = services
        self._shared = Shared()
        self._lock = threading.Lock()
        self._connections: dict[ClientConnection, str] = {}
        self._accepting = [
            threading.Thread(target=self._accept, args=(each,), name=f"listen {each.address}", daemon=True)
            for each in entrances
        ]

    def start(self) -> None:
        """Begin to accept clients."""
        for thread in self._accepting:
            thread.start()

    @property
    def draining(self) -> bool:
        """Whether it takes no more builds."""
        return self._shared.draining

    def drain(self, seconds: float, cancellation: Cancellation) -> bool:
        """Take no more builds, wait up to so many seconds for those in progress, and say whether all have
        ended.

        Raises ``CancelledError`` when ``cancellation`` is triggered.
        """
        self._shared.draining = True
        deadline = time.monotonic() + seconds
        while any(connection.is_building for connection in self._current()):
            if time.monotonic() >= deadline:
                return False
            cancellation.sleep(_LOOK)
        return True

    def close(self) -> None:
        """Accept no more clients, cancel builds in progress, and end the connections."""
        self._shared.draining = True
        for entrance in self._entrances:
            entrance.stop()
        connections = self._current()
        for connection in connections:
            connection.stop()
        deadline = time.monotonic() + _END
        for thread in (*self._accepting, *(connection.thread for connection in connections)):
            if thread.ident is not None:
                thread.join(max(deadline - time.monotonic(), 0.0))
        for entrance in self._entrances:
            entrance.close()

    def _accept(self, entrance: Entrance) -> None:
        while (accepted := entrance.accept()) is not None:
            self._serve(accepted)

    def _serve(self, accepted: Arrival) -> None:
        if why := self._begin(accepted):
            accepted.stream.close()
            text = f"refused {accepted.description}: {why}"
            self._services.on_event(Notice(level="warning", text=text))

    def _begin(self, accepted: Arrival) -> str:
        """Serve a client in a thread of its own; return the reason for a refusal, empty on success."""
        with self._lock:
            self._connections = {
                each: who for each, who in self._connections.items() if each.thread.is_alive()
            }
            of_one = Counter(self._connections.values())[accepted.who]
            if self._shared.draining:
                return "warmroute serve is shutting down"
            if len(self._connections) >= _MOST or of_one >= _MOST_OF_ONE:
                return f"too many connections ({len(self._connections)}, {of_one} of them from this client)"
            try:
                connection = ClientConnection(accepted, self._services, self._shared)
                connection.start()
            except (OSError, RuntimeError) as exc:  # out of descriptors, or of threads
                return str(exc)
            self._connections[connection] = accepted.who
            return ""

    def _current(self) -> tuple[ClientConnection, ...]:
        with self._lock:
            return tuple(self._connections)
