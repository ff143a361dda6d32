"""A build's turn on a daemon that may have only so many at once.

Asked for before Solve, over the connection that the build uses. Clients that ask at the same moment all hear
that there is room, so the daemon's own announcement of the build decides: all hear the announcements in one
order, and who stands behind the bound takes the build back at once, leaving no trace in
the daemon's history.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from router.errors import ConnectionLostError, DialError, RpcError
from router.rpc.channel import Call, Channel
from router.solve.control import Control
from router.solve.inflight import BuildsInFlight, too_busy

__all__ = ["Turn", "before_solve"]

# How long a daemon may take to end what was taken back, and to forget it.
_WITHDRAWAL = 1.0


class Turn:
    """Asks as soon as it is made; the answer is waited for in ``ask``. ``bound`` is at least 1.

    A daemon without a build history can't tell, and counts as not busy.
    """

    def __init__(self, channel: Channel, *, daemon: str, bound: int) -> None:
        self._channel = channel
        self._control = Control(channel)
        self._daemon = daemon
        self._bound = bound
        self._line = BuildsInFlight()
        self._now = BuildsInFlight()
        # Two calls: one that listens never says that it has told all there was.
        self._listening = self._control.history(self._line.see, follow=True)
        self._asking = self._control.history(self._now.see)

    def ask(self, deadline: float) -> None:
        """Raise ``BusyError`` where the daemon has enough builds; what ``Channel.run`` raises."""
        self._channel.run(lambda: self._asking.done, timeout=deadline - time.monotonic())
        if self._asking.error is None and len(self._now) >= self._bound:
            raise too_busy(self._daemon, len(self._now), self._bound)

    def settled(self, ref: str) -> bool:
        """Say whether the daemon has announced the build, or never will."""
        return ref in self._line or self._listening.done

    def take(self, ref: str, solve: Call) -> None:
        """Take the turn that is settled, or give the build up and raise ``BusyError``."""
        before = self._line.before(ref)
        if ref in self._line and before >= self._bound and not solve.done:
            self._withdraw(ref, solve)
            raise too_busy(self._daemon, before, self._bound)
        if not self._listening.done:
            self._channel.cancel(self._listening)

    def _withdraw(self, ref: str, solve: Call) -> None:
        self._channel.cancel(solve)
        with suppress(DialError, ConnectionLostError, RpcError):  # it ends with the connection at the latest
            self._channel.run(lambda: ref not in self._line or self._listening.done, timeout=_WITHDRAWAL)
            forgotten = self._control.forget(ref)
            self._channel.run(lambda: forgotten.done, timeout=_WITHDRAWAL)


@contextmanager
def before_solve() -> Iterator[None]:
    """Raise ``DialError`` where the connection is lost: the daemon never had the build."""
    try:
        yield
    except ConnectionLostError as exc:
        raise DialError(str(exc), hint=exc.hint, reason=exc.reason, temporary=exc.temporary) from exc
