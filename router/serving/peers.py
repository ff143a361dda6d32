"""The daemons of the fleet as calls find them: connections kept for the next call, and who was silent.

A client asks several things in a row (buildx does so five times for each build): the second question finds
the connections of the first, and doesn't wait again for a daemon that has just not answered.
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
"""Seconds for a daemon to be connected to and to say its first word."""

# Seconds for which a listing holds: on Kubernetes it is a question to the API server.
_LISTED_FOR = 2.0
# Seconds for which a daemon that did not answer isn't asked what others can answer too, nor told of again.
_REST = 10.0


class Peers(Closing):
    """Lends connections to the fleet's daemons; safe for threads.

    ``fleet`` lists the daemons, in any thread. ``dial`` says how to connect, within ``PATIENCE`` at most, and
    its ``tell`` hears of each daemon that did not answer. A context manager: closing it closes the
    connections that are kept.
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
        """Seconds for a daemon's first word, connecting included."""
        return self._dial.timeout

    def daemons(self) -> tuple[Daemon, ...]:
        """List the daemons, or return those that were listed just now.

        Raises ``CallRefused`` where they can't be listed, or there are none.
        """
        with self._listing:  # several calls at once are one look
            if time.monotonic() >= self._listed_until:
                try:
                    self._listed = tuple(self._fleet())
                except RouterError as exc:
                    raise CallRefused(Status.UNAVAILABLE, f"the daemons can't be listed: {exc}") from exc
                self._listed_until = time.monotonic() + _LISTED_FOR
            found = self._listed
        if not found:
            raise CallRefused(Status.UNAVAILABLE, "the fleet has no daemons")
        return found

    def awake(self, daemons: Sequence[Daemon]) -> tuple[Daemon, ...]:
        """Leave out those that were silent just now, unless all of them were."""
        now = time.monotonic()
        with self._lock:
            found = tuple(each for each in daemons if self._resting.get(each.name, now) <= now)
        return found or tuple(daemons)

    def noted(self, daemon: Daemon, error: RouterError | None = None) -> None:
        """Note how a daemon answered: well, with a status of gRPC's, or not at all. Errors are told."""
        now = time.monotonic()
        with self._lock:
            self._resting = {name: end for name, end in self._resting.items() if end > now}
            self._told = {name: told for name, told in self._told.items() if told[1] > now}
            if error is None or isinstance(error, RpcError):
                self._resting.pop(daemon.name, None)
            else:
                self._resting[daemon.name] = now + _REST
            if error is None or (isinstance(error, RpcError) and error.code == Status.NOT_FOUND):
                return  # a blob that is looked for is on one of them
            before = self._told.get(daemon.name, ("", 0.0))[0]
            self._told[daemon.name] = (str(error), now + _REST)
        if before != str(error):
            self._dial.tell(f"{daemon.naming(str(error))}; skipping it")

    @contextmanager
    def channel(self, daemon: Daemon) -> Iterator[RpcChannel]:
        """Lend a connection. What the daemon answers, and a call that is given up, leaves it usable.

        Raises ``DialError`` also for a daemon of which the listing says that it isn't ready.
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
        """Run something in a thread, which is waited for when this is closed."""
        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._lock:
            self._threads = [*(each for each in self._threads if each.is_alive()), thread]
            thread.start()

    def close(self) -> None:
        """Close what is kept; what is lent is closed when it comes back, and waited for that long."""
        self._kept.close()
        with self._lock:
            threads = self._threads
        end = time.monotonic() + self.patience
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0.0))
