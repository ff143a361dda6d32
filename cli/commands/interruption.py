"""What ends a build early: signals, and for skaffold a parent that is gone.

The first signal cancels the build on the daemon; the second ends this process at once. Whatever does not
heed the first in time (a connection being made, a slow Kubernetes listing) is unwound by an exception, and
what even that doesn't reach is left behind: who interrupted us kills us after two seconds.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from router.cancellation import Cancellation

__all__ = ["interruptible"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PARENT_POLL = 0.25
# Seconds from the first signal. The build's own way out may need some of them: buildctl and docker are
# given 1.5 to tell the daemon.
_UNWIND_AFTER = 1.6
_GIVE_UP_AFTER = 0.3
_INTERRUPTED = 130


@contextmanager
def interruptible(*, watch_parent: bool, at_once: Callable[[], None]) -> Iterator[Cancellation]:
    """Yield a switch that SIGINT, SIGTERM and SIGHUP throw, for the main thread to build with.

    ``at_once`` puts the terminal right before the process ends without unwinding.
    """
    with Cancellation() as cancellation:
        limit = _Limit(cancellation, at_once)

        def handle(number: int, _frame: FrameType | None) -> None:
            if cancellation.cancelled:
                limit.exit()
            limit.cancel(f"got {signal.Signals(number).name}")

        def unwind(_number: int, _frame: FrameType | None) -> None:
            cancellation.check()

        handlers = {**dict.fromkeys(_SIGNALS, handle), signal.SIGALRM: unwind}
        previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        if watch_parent:
            threading.Thread(target=limit.watch_parent, args=(os.getppid(),), daemon=True).start()
        try:
            yield cancellation
        finally:
            limit.over.set()
            for number, handler in previous.items():
                signal.signal(number, handler)


class _Limit:
    """Sees to it that a cancelled build ends in time."""

    def __init__(self, cancellation: Cancellation, at_once: Callable[[], None]) -> None:
        self.over = threading.Event()
        self._cancellation = cancellation
        self._at_once = at_once

    def cancel(self, why: str) -> None:
        self._cancellation.cancel(why)
        threading.Thread(target=self._enforce, daemon=True).start()

    def exit(self) -> NoReturn:
        self._at_once()
        os._exit(_INTERRUPTED)

    def watch_parent(self, parent: int) -> None:
        """Cancel when the parent dies: skaffold interrupts its shell only, never what the shell runs."""
        while not self.over.wait(_PARENT_POLL):
            if os.getppid() != parent:
                self.cancel("the parent process is gone")
                return

    def _enforce(self) -> None:
        if self.over.wait(_UNWIND_AFTER):
            return
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        if not self.over.wait(_GIVE_UP_AFTER):
            self.exit()
