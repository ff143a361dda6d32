"""A signal ends the waiting, whichever thread the system tells of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from cli.stopping import stopping


def by_another_thread() -> None:
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)


def by_the_process() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("tell", [by_another_thread, by_the_process])
def test_a_signal_that_any_thread_was_told_of_ends_the_waiting(tell: Callable[[], None]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopping() as stop:
        # Whether it comes before or after the waiting has begun is left open: both are right.
        thread = threading.Timer(0.2, tell)
        thread.start()
        stop.wait()
        thread.join()

        assert (stop.asked.why, stop.insisted.cancelled) == ("SIGTERM", False)
        by_the_process()
        assert stop.insisted.why == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) == before
