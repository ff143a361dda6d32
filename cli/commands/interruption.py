"""What ends a build early: signals, and for skaffold a parent that is gone.

The first signal cancels the build on the daemon. What does not heed that in time (a connection being made,
a slow Kubernetes listing), and anything at the second signal, is unwound by an exception; what even that
doesn't reach is left behind, because who interrupts us kills us after two seconds.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from router.cancellation import Cancellation

__all__ = ["Interrupted", "interruptible"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PARENT_POLL = 0.25
# Seconds from the first signal. The build's own way out may need some of them: buildctl and docker are
# given 1.5 to tell the daemon.
UNWIND_AFTER = 1.6
_UNWIND_WITHIN = 0.3
_EXIT_CODE = 130


class Interrupted(Protocol):
    """Who is told of an interruption, from a thread of its own."""

    def tell(self, text: str) -> None:
        """Say that the build is being cancelled."""

    def leave(self) -> None:
        """Put the terminal right: the process ends now, without unwinding."""


@contextmanager
def interruptible(
    interrupted: Interrupted, *, watch_parent: bool = False, grace: float = UNWIND_AFTER
) -> Iterator[Cancellation]:
    """Yield a switch that SIGINT, SIGTERM and SIGHUP throw, for the main thread to work with.

    Raises ``CancelledError`` within the block where the switch alone doesn't end it in ``grace`` seconds.
    """
    with Cancellation() as cancellation:
        limit = _Limit(cancellation, interrupted, grace)

        def handle(number: int, _frame: FrameType | None) -> None:
            if cancellation.cancelled:
                _in_background(limit.leave_unless_over)
                cancellation.check()
            limit.cancel(f"got {signal.Signals(number).name}")

        def unwind(_number: int, _frame: FrameType | None) -> None:
            cancellation.check()

        handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {
            **dict.fromkeys(_SIGNALS, handle),
            signal.SIGALRM: unwind,
        }
        previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        if watch_parent:
            parent = os.getppid()
            _in_background(lambda: limit.watch(parent))
        try:
            yield cancellation
        finally:
            limit.over.set()
            for number, handler in previous.items():
                signal.signal(number, handler)


class _Limit:
    """Sees to it that a cancelled build ends in time."""

    def __init__(self, cancellation: Cancellation, interrupted: Interrupted, grace: float) -> None:
        self.over = threading.Event()
        self._grace = grace
        self._cancellation = cancellation
        self._interrupted = interrupted

    def cancel(self, why: str) -> None:
        """Throw the switch; no more than that, because a signal's handler may call it."""
        self._cancellation.cancel(why)
        _in_background(self._enforce)

    def watch(self, parent: int) -> None:
        """Cancel when the parent dies: skaffold interrupts its shell only, never what the shell runs."""
        while not self.over.wait(_PARENT_POLL):
            if os.getppid() != parent:
                self.cancel("the parent process is gone")
                return

    def leave_unless_over(self) -> None:
        """End the process if unwinding takes too long."""
        if not self.over.wait(_UNWIND_WITHIN):
            self._interrupted.leave()
            os._exit(_EXIT_CODE)

    def _enforce(self) -> None:
        self._interrupted.tell(f"{self._cancellation.why}: cancelling the build")
        if not self.over.wait(self._grace):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
            self.leave_unless_over()


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()
