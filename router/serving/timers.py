"""Actions to run later, in a connection's thread."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from itertools import count

__all__ = ["Timers"]


class Timers:
    """Actions with their times. An action that is no longer needed checks that itself."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Run an action after so many seconds."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), action))

    def run(self) -> None:
        """Run the actions that are due."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def left(self) -> float | None:
        """Return the seconds until the next one, None if there is none."""
        return max(self._due[0][0] - time.monotonic(), 0.0) if self._due else None
