"""The fleet's daemons for calls: connections kept for the next call, and a note of silent daemons.

A client asks several questions in a row (buildx five for each build): the second one reuses the connections
of the first, and doesn't wait again for a daemon that has just not answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from router.closing import Closing
from router.errors import CancelledError, DialError, RouterError, RpcError
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.rpc import RpcChannel, open_channel
from router.rpc.grpc import Status
from router.serving.kept import KeptChannels
from router.session.server import CallRefused
from router.transport.options import DialOptions

__all__ = ["PATIENCE", "Peers"]

PATIENCE = 3.0
"""Seconds for connecting to a daemon and for its first answer."""

# Seconds for which a listing is reused: on Kubernetes it costs a call to the API server.
_LISTED_FOR = 2.0
# For so many seconds a daemon that did not answer is left out of questions that others can answer, and not
# reported again.
_REST = 10.0


class Peers(Closing):
    """Lends connections to the fleet's daemons; safe for threads.

    ``fleet`` lists the daemons, in any thread. ``dial`` says how to connect, within ``PATIENCE`` at most, and
    its ``tell`` hears of each daemon that did not answer. A context manager: closing it closes the kept
    connections.
    """

    def __init__(self, fleet: Callable[[], Sequence[Daemon]], dial: DialOptions) -> None:
        self._fleet = fleet
        self._dial = replace(dial, timeout=min(dial.timeout, PATIENCE))
        self._listing = threading.Lock()
        self._listed: tuple[Daemon, ...] = ()
        self._listed_until = 0.0
        self._lock = threading.Lock()
        self._kept = KeptChannels()
        self._resting: dict[str, float] = {}
        self._told: dict[str, tuple[str, float]] = {}
        self._threads: list[threading.Thread] = []

    @property
    def patience(self) -> float:
        """Seconds for a daemon's first answer, including connecting."""
        return self._dial.timeout

    def daemons(self) -> tuple[Daemon, ...]:
        """List the daemons, or return a recent listing.

        Raises ``CallRefused`` if they can't be listed, or there are none.
        """
        with self._listing:  # several calls at once share one listing
            if time.monotonic() >= self._listed_until:
                try:
                    self._listed = tuple(self._fleet())
                except RouterError as exc:
                    raise CallRefused(Status.UNAVAILABLE, f"can't list the daemons: {exc}") from exc
                self._listed_until = time.monotonic() + _LISTED_FOR
            found = self._listed
        if not found:
            raise CallRefused(Status.UNAVAILABLE, "the fleet has no daemons")
        return found

    def awake(self, daemons: Sequence[Daemon]) -> tuple[Daemon, ...]:
        """Leave out daemons that were silent just now, unless all of them were."""
        now = time.monotonic()
        with self._lock:
            found = tuple(each for each in daemons if self._resting.get(each.name, now) <= now)
        return found or tuple(daemons)

    def noted(self, daemon: Daemon, error: RouterError | None = None) -> None:
        """Note a daemon's answer: success, a gRPC status, or none at all. Errors are reported."""
        now = time.monotonic()
        with self._lock:
            self._resting = {name: end for name, end in self._resting.items() if end > now}
            self._told = {name: told for name, told in self._told.items() if told[1] > now}
            if error is None or isinstance(error, RpcError):
                self._resting.pop(daemon.name, None)
            else:
                self._resting[daemon.name] = now + _REST
            if error is None or (isinstance(error, RpcError) and error.code == Status.NOT_FOUND):
                return  # a blob is on one daemon; the others answer NOT_FOUND
            before = self._told.get(daemon.name, ("", 0.0))[0]
            self._told[daemon.name] = (str(error), now + _REST)
        if before != str(error):
            self._dial.tell(f"{daemon.naming(str(error))}; skipping it")

    @contextmanager
    def channel(self, daemon: Daemon) -> Iterator[RpcChannel]:
        """Lend a connection. It stays usable after a daemon's error, and after a cancelled call.

        Raises ``DialError`` also for a daemon that the listing says is not ready.
        """
        if not daemon.ready or daemon.terminating:
            raise DialError(f"{daemon.name} is {daemon.state}", temporary=True)
        channel = self._kept.take(daemon) or open_channel(daemon.address, self._dial, peer=daemon.peer)
        try:
            yield channel
        except (RpcError, CancelledError):
            self._kept.put(daemon, channel)
            raise
        except BaseException:
            channel.close()
            raise
        self._kept.put(daemon, channel)

    def start(self, run: Callable[[], None], name: str) -> None:
        """Run something in a thread, which closing this waits for."""
        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._lock:
            self._threads = [*(each for each in self._threads if each.is_alive()), thread]
            thread.start()

    def close(self) -> None:
        """Close kept connections; wait for lent ones, which are closed when they come back."""
        self._kept.close()
        with self._lock:
            threads = self._threads
        end = time.monotonic() + self.patience
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0.0))
