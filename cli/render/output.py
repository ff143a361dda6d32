"""The stream that a display writes to, and the timer that redraws it."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from typing import TextIO

__all__ = ["Output", "Ticker"]

_LONGEST_WAIT = 0.5  # seconds


class Output:
    """Writes text whole, and falls silent for good when nobody reads any more.

    A build must not fail because its progress can't be shown. Where the stream is a file, bytes go to its
    descriptor: another program may have made a shared terminal nonblocking, which Python's files don't bear.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = False
        # One text at a time: a frame within another would leave a terminal without a cursor. Reentrant,
        # because a signal may interrupt a write with something that writes too.
        self._lock = threading.RLock()
        try:
            self._descriptor: int | None = stream.fileno()
        except (OSError, ValueError, AttributeError):
            self._descriptor = None

    def write(self, text: str) -> None:
        """Write ``text``, or nothing once the stream has failed."""
        if self._gone or not text:
            return
        with self._lock:
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
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])


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
