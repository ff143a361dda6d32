"""The end of a build that has to end: what happens how long after it began, whoever may be stuck.

Two drive it. An interval timer's handler runs in the main thread, between any two of Python's instructions,
and cuts system calls short. A thread goes on where the main one is in a call that isn't cut short (a name
server that doesn't answer). What neither can do anything about is code in C that keeps the interpreter to
itself: a watchdog that needs no interpreter ends the process then, with an exit code that says less.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from contextlib import suppress
from typing import Protocol

from router import TIME_IS_UP, Cancellation, CancelledError, TimeLimitError, child_starts, kill_children

__all__ = ["Ending", "Interrupted", "Silent"]

# Seconds between looks at the clock, once there is an end to be made.
_TICK = 0.1
# The library has a limit of its own, which knows what was running: it comes first.
_HEAD_START = 0.3
# For the exception to get through, and after that for the terminal.
_UNWIND_WITHIN, _LEAVE_WITHIN = 0.2, 0.1


# From the first signal to the exception. The build's own way out may need some of it: buildctl and docker are
# given 1.5 to tell the daemon.
_GRACE = 1.6


class Interrupted(Protocol):
    """Who is told of the end, and has the terminal."""

    @property
    def heeds(self) -> bool:
        """Whether there is something under way that the switch ends; else an exception has to, at once."""

    def hurry(self) -> None:
        """Wait no longer for who reads the display; from a signal's handler."""

    def tell(self, text: str) -> None:
        """Say that the build is being canceled; from a thread."""

    def leave(self) -> None:
        """Put the terminal right at once: the process ends now, without unwinding."""


class Silent:
    """An ``Interrupted`` that has nothing to say, and nothing to put right."""

    def __init__(self, *, heeds: bool) -> None:
        self.heeds = heeds

    def hurry(self) -> None:
        """Do nothing."""

    def tell(self, text: str) -> None:
        """Say nothing."""

    def leave(self) -> None:
        """Leave."""


class Ending:
    """Cancels a build, unwinds what doesn't heed it, and ends the process where that has no effect either.

    For the main thread and one more. ``over`` is set when the block that may be unwound has been left.
    """

    def __init__(
        self, cancellation: Cancellation, interrupted: Interrupted, *, timeout: float | None
    ) -> None:
        self.over = False
        self._cancellation = cancellation
        self._interrupted = interrupted
        self._timeout = timeout
        self._limit = None if timeout is None else time.monotonic() + timeout
        self._code = CancelledError.exit_code
        self._why = ""
        self._cancel_at = self._unwind_at = self._end_at = 0.0
        self._told = self._unwound = self._leaving = False
        self._silence = -1

    @property
    def begun(self) -> bool:
        """Whether the build is to end."""
        return bool(self._why)

    @property
    def out_of_time(self) -> bool:
        """Whether it is to end because of its time limit."""
        return self.begun and self._code == TimeLimitError.exit_code

    def arm(self) -> None:
        """Set the timer for the time limit, if there is one."""
        if self._timeout is not None:
            signal.setitimer(signal.ITIMER_REAL, max(self._timeout, _TICK), _TICK)
            self._watchdog(self._timeout + _GRACE)

    def disarm(self) -> bool:
        """Take the timer back, and say whether that was done: what has begun, or has a limit, stays."""
        if self.begun or self._timeout is not None:
            return False
        signal.setitimer(signal.ITIMER_REAL, 0)
        return True

    def hear(self, count: int, number: int) -> None:
        """Take the ``count``-th signal: the first begins the end, the second hastens it."""
        self.begin("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)
        if count > 1:
            now = time.monotonic()
            self._unwind_at = min(self._unwind_at, now)
            self._end_at = min(self._end_at, now + _UNWIND_WITHIN)

    def begin(self, why: str) -> None:
        """Begin, once; a signal's handler may call it."""
        if not self.begun:
            self._begin(why, head_start=0.0)

    def until_next(self) -> float:
        """Return the seconds until there is something to do."""
        if self.begun:
            return _TICK
        return float("inf") if self._limit is None else max(self._limit - time.monotonic(), 0.0)

    def advance(self, *, main: bool) -> None:
        """Do what is due. Raises ``CancelledError`` in the main thread when that is to be unwound."""
        now = time.monotonic()
        if not self.begun:
            if self._limit is None or now < self._limit:
                return
            self._code = TimeLimitError.exit_code
            self._begin(TIME_IS_UP, head_start=_HEAD_START)
        if now >= self._cancel_at:
            self._cancellation.cancel(self._why)
        if not main:
            self._tell()
        if now >= self._end_at:
            self._end(now)
        # A program that is being started would be left behind: the next tick comes when it is known.
        if main and now >= self._unwind_at and not (self._unwound or self.over or child_starts()):
            self._unwound = True
            self._cancellation.cancel(self._why)
            self._cancellation.check()

    def _begin(self, why: str, *, head_start: float) -> None:
        now = time.monotonic()
        self._cancel_at = now + head_start
        grace = _GRACE if self._interrupted.heeds else 0.0
        self._unwind_at = now + grace
        self._end_at = self._unwind_at + _UNWIND_WITHIN
        self._why = why
        self._interrupted.hurry()
        signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
        self._watchdog(grace)

    def _tell(self) -> None:
        if not self._told and not self.out_of_time:
            self._told = True
            self._interrupted.tell(f"canceling the build ({self._why})")

    def _watchdog(self, grace: float) -> None:
        """Have the process ended without the interpreter, a little after we should have done it."""
        with suppress(OSError):  # no descriptor is left: then without
            if self._silence < 0:
                self._silence = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            after = grace + _UNWIND_WITHIN + 1.5 * _LEAVE_WITHIN
            faulthandler.dump_traceback_later(after, exit=True, file=self._silence)

    def _end(self, now: float) -> None:
        """End the process; who comes second doesn't wait for who came first and is stuck."""
        if not self._leaving:
            self._leaving = True
            kill_children()
            self._interrupted.leave()
        elif now < self._end_at + _LEAVE_WITHIN:
            return
        os._exit(self._code)
