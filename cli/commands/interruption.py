"""What ends a build early: signals, and for skaffold a parent that is gone.

The first signal cancels the build on the daemon; the second ends this process at once.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from router.cancellation import Cancellation

__all__ = ["interruptible"]

_PARENT_POLL = 0.5


@contextmanager
def interruptible(*, watch_parent: bool, at_once: Callable[[], None]) -> Iterator[Cancellation]:
    """Yield a switch that SIGINT, SIGTERM and SIGHUP throw. ``at_once`` puts the terminal right before the
    process ends on a second signal."""
    with Cancellation() as cancellation:

        def handle(number: int, _frame: FrameType | None) -> None:
            if cancellation.cancelled:
                at_once()
                os._exit(130)
            cancellation.cancel(f"got {signal.Signals(number).name}")

        previous = {number: signal.signal(number, handle) for number in _SIGNALS}
        over = threading.Event()
        if watch_parent:
            threading.Thread(target=_watch_parent, args=(cancellation, over), daemon=True).start()
        try:
            yield cancellation
        finally:
            over.set()
            for number, handler in previous.items():
                signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _watch_parent(cancellation: Cancellation, over: threading.Event) -> None:
    """Cancel when the parent dies: skaffold interrupts its shell only, never what the shell runs."""
    parent = os.getppid()
    while not over.wait(_PARENT_POLL):
        if os.getppid() != parent:
            cancellation.cancel("the parent process is gone")
            return
