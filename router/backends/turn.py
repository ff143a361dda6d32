"""A build's turn on a daemon that may have only so many at once, and that may have to be warm for it.

Asked for before Solve, over the connection that the build uses. Clients that ask at the same moment all hear
that there is room, so they look again once the daemon has announced the build: it gave each build the time at
which it began, and who stands behind the bound takes the build back at once, leaving no trace in the daemon's
history.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from router.errors import ColdError, ConnectionLostError, DialError, RpcError
from router.rpc import RpcCall, RpcChannel
from router.solve.control import Control
from router.solve.inflight import BuildsInFlight, history_event, too_busy
from router.solve.ref import builds_of

__all__ = ["Turn", "before_solve"]

# How long a daemon may take to end what was taken back, and to forget it.
_WITHDRAWAL = 1.0
# How long it may take to read through its records, which are 10 microseconds each; it counts as warm else.
_RECOLLECTION = 0.1


def _nothing(_message: memoryview) -> None:
    """Hear nothing."""


class Turn:
    """The turn of the build ``ref``. Asks as soon as it is made; the answer is waited for in ``ask``.

    ``bound`` is at least 1. With a ``prefix`` the daemon must have, or have had, a build whose ref begins so.
    A daemon without a build history can't tell, and counts as neither busy nor cold. ``hear`` gets each event
    of the history, a packed BuildHistoryEvent, until the channel is closed.
    """

    def __init__(  # noqa: PLR0913 -- the bound, the warmth and the end are three questions to one stream
        self,
        channel: RpcChannel,
        *,
        daemon: str,
        bound: int,
        ref: str,
        prefix: str = "",
        hear: Callable[[memoryview], None] = _nothing,
    ) -> None:
        self._channel = channel
        self._control = Control(channel)
        self._daemon = daemon
        self._bound = bound
        self._ref = ref
        self._pass_on = hear
        self._announced = self._over = False
        self._prefix = prefix
        self._is_warm = False
        self._now = BuildsInFlight()
        # Two calls: one that listens never says that it has told all there was.
        self._listening = self._control.history(self._hear, follow=True)
        self._asking = self._control.history(self._now.see)
        self._recalling = self._control.records(builds_of(prefix), self._recall) if prefix else None

    def ask(self, deadline: float) -> None:
        """Raise ``BusyError`` where the daemon has enough builds, ``ColdError`` where it is cold; what
        ``RpcChannel.run`` raises."""
        self._channel.run(lambda: self._asking.done, timeout=deadline - time.monotonic())
        if self._asking.error is None and len(self._now) >= self._bound:
            raise too_busy(self._daemon, len(self._now), self._bound)
        if self._recalling is not None:
            self._require_warmth(self._recalling)

    def take(self, solve: RpcCall) -> None:
        """Return once the daemon has announced the build in its turn, or is done with it.

        Raises ``BusyError`` where it came too late, and is taken back.
        """
        self._channel.run(lambda: solve.done or self._announced or self._listening.done)
        line = BuildsInFlight()
        if self._announced and not solve.done:
            asked = self._control.history(line.see)
            self._channel.run(lambda: solve.done or asked.done)
            if not asked.done:
                self._channel.cancel(asked)
        before = line.before(self._ref)
        if before >= self._bound and not solve.done:
            self._withdraw(solve)
            raise too_busy(self._daemon, before, self._bound)

    def _require_warmth(self, recalling: RpcCall) -> None:
        """Raise ``ColdError`` where the daemon says in time that it has had no build of the prefix.

        Before Solve: a build that has begun may have told or written something, and is not taken back for
        this.
        """
        with suppress(DialError):
            self._channel.run(lambda: recalling.done, timeout=_RECOLLECTION)
        if not recalling.done:
            self._channel.cancel(recalling)
        elif recalling.error is None and not self._is_warm:
            raise ColdError(f"{self._daemon} has not built this yet")

    def _recall(self, message: memoryview) -> None:
        event = history_event(message)
        if event.ref.startswith(self._prefix):
            self._is_warm |= event.started or event.succeeded

    def _hear(self, message: memoryview) -> None:
        self._pass_on(message)
        event = history_event(message)
        if event.ref == self._ref:
            self._announced |= event.started
            self._over |= not event.started

    def _withdraw(self, solve: RpcCall) -> None:
        self._channel.cancel(solve)
        with suppress(DialError, ConnectionLostError, RpcError):  # it ends with the connection at the latest
            self._channel.run(lambda: self._over or self._listening.done, timeout=_WITHDRAWAL)
            forgotten = self._control.update_record(self._ref, delete=True)
            self._channel.run(lambda: forgotten.done, timeout=_WITHDRAWAL)


@contextmanager
def before_solve() -> Iterator[None]:
    """Raise ``DialError`` where the connection is lost: the daemon never had the build."""
    try:
        yield
    except ConnectionLostError as exc:
        raise DialError(str(exc), hint=exc.hint, reason=exc.reason, temporary=exc.temporary) from exc
