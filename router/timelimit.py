"""A limit on the time that a whole build may take, and what was running when it passed."""

from __future__ import annotations

import select
import threading
import time
from types import TracebackType
from typing import Self

from router.cancellation import Cancellation
from router.errors import CancelledError, TimeLimitError
from router.model.events import Attempt, Event, SolveStatus

__all__ = ["TimeLimit"]


class TimeLimit:
    """Throws ``cancellation`` when ``seconds`` have passed, or when ``outer`` is thrown.

    A context manager; a ``CancelledError`` that leaves it because of the limit becomes a ``TimeLimitError``.
    """

    def __init__(self, seconds: float, outer: Cancellation) -> None:
        self.cancellation = Cancellation()
        self._seconds = seconds
        self._outer = outer
        self._over = Cancellation()
        self._passed = False
        self._daemon = ""
        self._running: dict[str, tuple[str, float]] = {}
        self._thread = threading.Thread(target=self._watch, name="time limit", daemon=True)

    def event(self, event: Event) -> None:
        """Take note of what is running; from the thread that builds."""
        match event:
            case Attempt():
                self._daemon = event.daemon
                self._running.clear()
            case SolveStatus():
                for vertex in event.vertexes:
                    if vertex.completed is not None or vertex.started is None:
                        self._running.pop(vertex.digest, None)
                    else:
                        self._running.setdefault(vertex.digest, (vertex.name, time.monotonic()))
            case _:
                pass

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.cancel()
        self._thread.join()
        self._over.close()
        self.cancellation.close()
        if self._passed and isinstance(error, CancelledError):
            raise TimeLimitError(
                f"the build did not end within {self._seconds:g} s: {self._what()}",
                hint="--timeout allows it more; what was done by then stays in the daemon's cache",
            ) from error

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._outer.fileno(), select.POLLIN)
        poll.register(self._over.fileno(), select.POLLIN)
        poll.poll(self._seconds * 1000)
        if self._outer.cancelled:
            self.cancellation.cancel(self._outer.why)
        elif not self._over.cancelled:
            self._passed = True
            self.cancellation.cancel("its time is up")

    def _what(self) -> str:
        if not self._daemon:
            return "no daemon had taken it"
        if not self._running:
            return f"no step was running on {self._daemon}"
        now = time.monotonic()
        steps = (f"{name} (for {now - since:.0f} s)" for name, since in self._running.values())
        return f"running on {self._daemon}: {', '.join(steps)}"
