"""Bytes in transit from one connection to another, limited in size."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from router.errors import RouterError
from router.net.stream import Buffer

__all__ = ["Budget", "OverrunError", "Pipe"]

# Where the sender is told to pause, and to continue. Bytes sent before it hears of it come on top.
_FULL, _ROOM = 4 * 1024 * 1024, 2 * 1024 * 1024
# Smaller pieces are copied together: each costs more than its bytes.
_SMALL, _GATHERED = 4096, 64 * 1024
# A piece keeps all that arrived with it in memory, up to 1 MiB: a smaller part of it than this is copied.
_PART = 4


class OverrunError(RouterError):
    """A peer makes us keep more than allowed: it sends although told to pause, or doesn't read."""

    default_reason = "overrun"


class Budget:
    """The limit for all bytes kept for one client. Safe for threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Add so many bytes. Raises ``OverrunError``."""
        with self._lock:
            self._kept += size
            over = self._kept > self._most
        if over:
            raise OverrunError(f"more than {self._most} bytes are waiting to be read")

    def give(self, size: int) -> None:
        """Release so many bytes."""
        with self._lock:
            self._kept -= size

    @property
    def kept(self) -> int:
        """The number of bytes kept now."""
        return self._kept


class Pipe:
    """The source of a stream, filled from another one; ``hold`` makes that one pause or continue."""

    def __init__(self, budget: Budget, hold: Callable[[bool], None]) -> None:
        self._budget = budget
        self._hold = hold
        self._held = False
        self._closed = False
        self._buffers: deque[Buffer] = deque()
        self._size = 0

    def put(self, data: memoryview) -> None:
        """Add bytes that have arrived, which must not change. Raises ``OverrunError``."""
        size = len(data)
        if self._closed or not size:
            return
        self._budget.take(size)
        self._size += size
        last = self._buffers[-1] if self._buffers else None
        if size >= _SMALL:
            whole = memoryview(data.obj).nbytes
            self._buffers.append(data if size * _PART >= whole else bytes(data))
        elif isinstance(last, bytearray) and len(last) < _GATHERED:
            last += data
        else:
            self._buffers.append(bytearray(data))
        if not self._held and self._size >= _FULL:
            self._held = True
            self._hold(True)

    def pull(self, size: int) -> Sequence[Buffer] | None:
        """Return about ``size`` bytes, None if there are none."""
        taken: list[Buffer] = []
        count = 0
        while self._buffers and count < size:
            buffer = self._buffers.popleft()
            taken.append(buffer)
            count += len(buffer)
        if not taken:
            return None
        self._drained(count)
        return taken

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return not self._buffers

    @property
    def held(self) -> bool:
        """Whether the sender was told to pause."""
        return self._held

    def close(self) -> None:
        """Forget what is in it, and take nothing more."""
        self._closed = True
        self._buffers.clear()
        self._drained(self._size)

    def _drained(self, count: int) -> None:
        self._size -= count
        self._budget.give(count)
        if self._held and self._size <= _ROOM:
            self._held = False
            self._hold(False)
