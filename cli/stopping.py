"""What ends a server: the first signal asks it to, the second insists, the third doesn't wait."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NamedTuple

from cli.interruption import stays_ignored
from router import Cancellation, CancelledError

__all__ = ["Stop", "stopping"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(NamedTuple):
    """Two switches; the reason is the signal's name. ``woken`` is readable when a signal has come."""

    asked: Cancellation
    insisted: Cancellation
    woken: int

    def wait(self) -> None:
        """Return when somebody asks for the end; for the main thread."""
        # The system may tell any thread of a signal, and Python runs the handler in the main thread: without
        # the pipe that would sleep on when a thread that has just let a client in was told.
        poll = select.poll()
        poll.register(self.woken, select.POLLIN)
        while not self.asked.cancelled:
            poll.poll()
            with suppress(BlockingIOError):
                os.read(self.woken, 4096)


@contextmanager
def stopping() -> Iterator[Stop]:
    """Yield the switches that SIGINT, SIGTERM and SIGHUP throw, for the main thread to wait for."""
    with Cancellation() as asked, Cancellation() as insisted, _pipe() as (woken, waking):

        def handle(number: int, _frame: FrameType | None) -> None:
            name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
            if insisted.cancelled:
                os._exit(CancelledError.exit_code)
            (insisted if asked.cancelled else asked).cancel(name)

        numbers = [each for each in _SIGNALS if not stays_ignored(each)]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        previous = {number: signal.signal(number, handle) for number in numbers}
        previous_waking = signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        try:
            yield Stop(asked, insisted, woken)
        finally:
            signal.set_wakeup_fd(previous_waking)
            for number, handler in previous.items():
                signal.signal(number, handler)


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)
