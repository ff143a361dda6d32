"""What a daemon remembers of the build before: asked during a build, as soon as one of its steps missed."""

from __future__ import annotations

from contextlib import suppress

from router.errors import CancelledError, ConnectionLostError, DialError
from router.model.events import SolveStatus
from router.model.miss import Miss
from router.rpc import RpcCall, RpcChannel
from router.solve.control import Control
from router.solve.inflight import history_event
from router.solve.misses import FirstMiss, KnownSteps
from router.solve.ref import builds_of, ref_prefix

__all__ = ["LookBack"]

# Seconds that an answer may take when the build is over.
_GRACE = 0.5


class LookBack:
    """Asks on the build's own channel, so that nothing waits for it while the build goes on."""

    def __init__(self, channel: RpcChannel, *, key: str, ref: str) -> None:
        self._channel = channel
        self._control = Control(channel)
        self._prefix = ref_prefix(key)
        self._ref = ref
        self._first = FirstMiss()
        self._before = KnownSteps()
        self._latest: tuple[tuple[int, int], str] | None = None
        self._asked = False
        self._finding: RpcCall | None = None
        self._replaying: RpcCall | None = None

    def see(self, status: SolveStatus) -> None:
        """Take a message of the build's progress. Call it in ``RpcChannel.run``'s thread."""
        self._first.see(status)
        if self._first.vertex is None or self._asked:
            return
        self._asked = True
        # A daemon that is going away takes no more calls, but it finishes the build.
        with suppress(ConnectionLostError):
            self._finding = self._control.records(builds_of(self._prefix), self._found)

    def miss(self) -> Miss | None:
        """Return the first step that missed, and why; None where all were cached. The build is over."""
        if self._first.vertex is None:
            return None
        # The build has succeeded, whatever happens now.
        with suppress(DialError, ConnectionLostError, CancelledError):
            self._channel.run(lambda: self._finding is None or self._finding.done, timeout=_GRACE)
            if self._latest is not None and self._finding is not None and self._finding.done:
                self._replaying = self._control.status(self._latest[1], self._before.see)
                self._channel.run(lambda: self._replaying is None or self._replaying.done, timeout=_GRACE)
        return self._first.explained(self._before if self._is_known else None)

    @property
    def _is_known(self) -> bool:
        """Whether the daemon has said all there is."""
        found = self._finding is not None and self._finding.done and self._finding.error is None
        if self._latest is None:
            return found
        replayed = self._replaying
        return found and replayed is not None and replayed.done and replayed.error is None

    def _found(self, message: memoryview) -> None:
        event = history_event(message)
        if event.ref.startswith(self._prefix) and event.ref != self._ref and event.succeeded:
            self._latest = max(self._latest or ((0, 0), ""), (event.created, event.ref))
