"""Cancel work from any thread or signal handler; a thread that waits in a selector is woken."""

from __future__ import annotations

import contextlib
import os
import select

from router.closing import Closing
from router.errors import CancelledError

__all__ = ["TIME_IS_UP", "Cancellation"]

TIME_IS_UP = "its time is up"
"""Why a build was canceled whose limit has passed, whoever threw the switch."""


class Cancellation(Closing):
    """A switch that can be thrown once.

    ``fileno()`` turns readable when it is thrown, so that a thread in ``select`` wakes up. Its owner
    closes it; ``cancel()`` after that is allowed and does nothing.
    """

    def __init__(self, what: str = "build") -> None:
        self._what = what
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.why = ""

    def cancel(self, why: str = "interrupted") -> None:
        """Throw the switch; ``why`` stands in the error that comes of it."""
        if not self.why:
            self.why = why
            with contextlib.suppress(OSError):
                os.write(self._write, b"\0")

    @property
    def cancelled(self) -> bool:
        """Whether the switch was thrown."""
        return bool(self.why)

    def check(self) -> None:
        """Raise ``CancelledError`` if the switch was thrown."""
        if self.why:
            raise CancelledError(f"{self._what} canceled ({self.why})")

    def sleep(self, seconds: float) -> None:
        """Wait that long; raise ``CancelledError`` as soon as the switch is thrown."""
        self.check()
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        poll.poll(max(seconds, 0.0) * 1000)
        self.check()

    def fileno(self) -> int:
        """Return a descriptor that is readable once the switch was thrown."""
        return self._read

    def close(self) -> None:
        """Release the descriptors."""
        for descriptor in (self._read, self._write):
            if descriptor >= 0:
                os.close(descriptor)
        self._read = self._write = -1
