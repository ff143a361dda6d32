"""What ends a server: the first signal asks it to, the second insists, the third doesn't wait."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

from cli.interruption import stays_ignored
from router import Cancellation, CancelledError

__all__ = ["Stop", "stopping"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(NamedTuple):
    """Two switches; the reason is the signal's name."""

    asked: Cancellation
    insisted: Cancellation


@contextmanager
def stopping() -> Iterator[Stop]:
    """Yield the switches that SIGINT, SIGTERM and SIGHUP throw, for the main thread to wait for."""
    with Cancellation() as asked, Cancellation() as insisted:

        def handle(number: int, _frame: FrameType | None) -> None:
            name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
            if insisted.cancelled:
                os._exit(CancelledError.exit_code)
            (insisted if asked.cancelled else asked).cancel(name)

        numbers = [each for each in _SIGNALS if not stays_ignored(each)]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        previous = {number: signal.signal(number, handle) for number in numbers}
        try:
            yield Stop(asked, insisted)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
