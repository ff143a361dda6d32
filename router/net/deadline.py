"""One deadline for all steps of connecting: the look-up of a name, a socket, TLS, a handshake."""

from __future__ import annotations

import time

__all__ = ["Deadline"]


class Deadline:
    """A point in time, ``seconds`` after it was created."""

    __slots__ = ("_end", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds left; past the deadline raise TimeoutError, as sockets do."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self._end
