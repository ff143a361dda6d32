"""Pauses between two looks at a fleet."""

from __future__ import annotations

from router.cancellation import Cancellation
from router.net.deadline import Deadline

__all__ = ["Rests"]

_FIRST, _LONGEST = 0.25, 5.0


class Rests:
    """Pauses that grow: each twice the one before, with some jitter, and none beyond the deadline."""

    def __init__(self, deadline: Deadline, cancellation: Cancellation) -> None:
        self._deadline = deadline
        self._cancellation = cancellation
        self._pause = _FIRST

    def begin_again(self) -> None:
        """Let the next pause be a short one: all went well."""
        self._pause = _FIRST

    def rest(self) -> bool:
        """Pause, and say whether any time is left. Raises CancelledError."""
        from random import uniform

        if self._deadline.passed:
            return False
        pause = self._pause * uniform(0.75, 1.25)  # noqa: S311 - jitter is no secret
        self._cancellation.sleep(min(pause, self._deadline.remaining()))
        self._pause = min(2 * self._pause, _LONGEST)
        return not self._deadline.passed
