"""Pauses between two looks at a fleet."""

from __future__ import annotations

from router.cancellation import Cancellation
from router.net.deadline import Deadline
from router.retry import Pauses, pause_after

__all__ = ["Rests"]

_PAUSES = Pauses(first=0.25, longest=5.0)


class Rests:
    """Pauses that grow as ``router.retry`` has it, and none beyond the deadline."""

    def __init__(self, deadline: Deadline, cancellation: Cancellation) -> None:
        self._deadline = deadline
        self._cancellation = cancellation
        self._looks = 0

    def begin_again(self) -> None:
        """Let the next pause be a short one: all went well."""
        self._looks = 0

    def rest(self) -> bool:
        """Pause, and say whether any time is left. Raises CancelledError."""
        if self._deadline.passed:
            return False
        self._looks += 1
        self._cancellation.sleep(min(pause_after(self._looks, _PAUSES), self._deadline.remaining()))
        return not self._deadline.passed
