"""Pauses between two looks at a fleet."""

from __future__ import annotations

from router.cancellation import Cancellation
from router.net.deadline import Deadline
from router.retry import Pauses, pausing

__all__ = ["Rests"]

_FIRST, _LONGEST = 0.25, 5.0  # seconds


class Rests:
    """Pauses that grow as ``router.retry`` has it, and none beyond the deadline."""

    def __init__(self, deadline: Deadline, cancellation: Cancellation) -> None:
        self._deadline = deadline
        self._cancellation = cancellation
        self.begin_again()

    def begin_again(self) -> None:
        """Let the next pause be a short one: all went well."""
        self._pauses = pausing(Pauses(first=_FIRST, longest=_LONGEST, sleep=self._sleep))

    def rest(self) -> bool:
        """Pause, and say whether any time is left. Raises CancelledError."""
        if self._deadline.passed:
            return False
        next(self._pauses)
        return not self._deadline.passed

    def _sleep(self, seconds: float) -> None:
        self._cancellation.sleep(min(seconds, self._deadline.remaining()))
