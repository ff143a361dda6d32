"""What is to be done at a time, by the thread that has a connection."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from itertools import count

__all__ = ["Timers"]


class Timers:
    """Actions with their times. One that is needless by then finds that out itself."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do it after so many seconds."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), action))

    def run(self) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def left(self) -> float | None:
        """Return the seconds until the next one, None where there is none."""
        return max(self._due[0][0] - time.monotonic(), 0.0) if self._due else None
