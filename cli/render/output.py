"""The stream that a display writes to, the timer that redraws it, and a line of ours without a display.

A reader that doesn't keep up is waited for as long as the build may take; once the build is to end
(`Output.hurry`), only for a moment. So nothing here blocks for good: not a write, and not the wait for
whoever else is writing.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from cli.render.foreign import lines_of, printable

__all__ = ["Output", "Ticker", "Turns", "say", "say_lines"]

_LONGEST_WAIT = 0.5  # seconds
# How long a reader is waited for that takes nothing, when the build is to end.
_PATIENCE = 0.4
# How often a writer that waits looks whether there is a hurry now.
_LOOK = 0.1
# What poll promises that a pipe takes without blocking (POSIX: PIPE_BUF).
_PIECE = 4096


class Output:
    """Writes text whole, and falls silent for good when nobody reads any more.

    A build must not fail because its progress can't be shown. Where the stream is a file, bytes go to its
    descriptor: another program may have made a shared terminal nonblocking, which Python's files don't bear.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = self._hurried = False
        # One text at a time: a frame within another would leave a terminal without a cursor.
        self._turns = Turns(self)
        try:
            self._descriptor: int | None = stream.fileno()
        except (OSError, ValueError, AttributeError):
            self._descriptor = None

    def hurry(self) -> None:
        """From now on give up a reader that takes nothing; to be called from anywhere, also a handler."""
        self._hurried = True

    @property
    def hurried(self) -> bool:
        """Whether there is a hurry."""
        return self._hurried

    def write(self, text: str) -> None:
        """Write ``text``, or nothing once the stream has failed."""
        if self._gone or not text:
            return
        with self._turns.mine() as mine:
            if not mine:
                return
            try:
                self._stream.flush()
                self._write(text)
            except (OSError, ValueError):
                self._gone = True

    def size(self) -> tuple[int, int]:
        """Tell the terminal's columns and lines now; 80 and 24 where it doesn't say."""
        columns = lines = 0
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                columns, lines = os.get_terminal_size(self._descriptor)
        return columns or 80, lines or 24

    def _write(self, text: str) -> None:
        if self._descriptor is None:
            self._stream.write(text)
            self._stream.flush()
            return
        rest = memoryview(text.encode(self._stream.encoding or "utf-8", "replace"))
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while rest:
            self._wait(poll)
            with contextlib.suppress(BlockingIOError):
                rest = rest[os.write(self._descriptor, rest[:_PIECE]) :]

    def _wait(self, poll: select.poll) -> None:
        """Return when something can be written. Raises TimeoutError where there is a hurry."""
        hurried_since: float | None = None
        while not poll.poll(_LOOK * 1000):
            if self._hurried:
                now = time.monotonic()
                hurried_since = hurried_since or now
                if now - hurried_since >= _PATIENCE:
                    raise TimeoutError("nobody reads")


def say(text: str) -> None:
    """Write a line to stderr, behind the program's name; from any thread.

    A reader that is gone ends neither a command nor a server: what it would have read is lost.
    """
    Output(sys.stderr).write(f"warmroute: {printable(text)}\n")


def say_lines(text: str) -> None:
    """Write a text of several lines in the same way; all but the first are indented."""
    Output(sys.stderr).write("".join(f"{line}\n" for line in lines_of(f"warmroute: {text}")))


class Turns:
    """A lock that is not waited for long when there is a hurry: who holds it may be stuck.

    Reentrant, because a signal's handler may have something to tell while its own thread has the turn.
    """

    def __init__(self, output: Output) -> None:
        self._lock = threading.RLock()
        self._output = output

    @contextmanager
    def mine(self) -> Iterator[bool]:
        """Yield whether this thread has the turn; with False, leave things as they are."""
        waited = 0.0
        while not (held := self._lock.acquire(timeout=_LOOK)):
            waited = waited + _LOOK if self._output.hurried else 0.0
            if waited > _PATIENCE:
                break
        try:
            yield held
        finally:
            if held:
                self._lock.release()


class Ticker:
    """Calls a function at an interval from a thread of its own until it is stopped."""

    def __init__(self, tick: Callable[[], None], *, interval: float) -> None:
        self._tick = tick
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for it unless it waits for us.

        It does when a signal handler calls this in a thread that holds the lock the function wants: then
        the function runs later, and must see for itself that it is over.
        """
        self._stopped.set()
        self._thread.join(_LONGEST_WAIT)

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            self._tick()
