"""A limit on the time that a whole build may take, and what was running when it passed."""

from __future__ import annotations

import select
import threading
import time
from itertools import islice
from types import TracebackType
from typing import Self

from router.bounds import MOST_STEPS, put
from router.cancellation import TIME_IS_UP, Cancellation
from router.errors import CancelledError, TimeLimitError
from router.model.events import Attempt, Event, SolveStatus

__all__ = ["TimeLimit"]

# poll takes no more than 24 days.
_LONGEST_POLL = 3600.0
# Steps that the error names: a broken daemon may have thousands under way.
_NAMED = 5
_LONGEST_NAME = 200


class TimeLimit:
    """Throws ``cancellation`` when ``seconds`` have passed, or when ``outer`` is thrown.

    A context manager; a ``CancelledError`` that leaves it because of the limit becomes a ``TimeLimitError``.
    """

    def __init__(self, seconds: float, outer: Cancellation) -> None:
        self.cancellation = Cancellation()
        self._seconds = seconds
        self._outer = outer
        self._over = Cancellation()
        self._end = 0.0
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
                        began = self._running.get(vertex.digest, ("", time.monotonic()))[1]
                        step = (_short(vertex.name), began)
                        put(self._running, vertex.digest, step, MOST_STEPS)
            case _:
                pass

    def __enter__(self) -> Self:
        self._end = time.monotonic() + self._seconds
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.cancel()
        self._thread.join()
        self._over.close()
        self.cancellation.close()
        # By the clock too: whoever else sees to the limit may come before our thread has its turn.
        late = time.monotonic() >= self._end and not self._outer.cancelled
        if (late or self.cancellation.why == TIME_IS_UP) and isinstance(error, CancelledError):
            raise TimeLimitError(
                f"the build did not end within {self._seconds:g} s: {self._what()}",
                hint="raise --timeout; finished steps stay cached",
            ) from error

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._outer.fileno(), select.POLLIN)
        poll.register(self._over.fileno(), select.POLLIN)
        while not (self._outer.cancelled or self._over.cancelled):
            left = self._end - time.monotonic()
            if left <= 0:
                self.cancellation.cancel(TIME_IS_UP)
                return
            poll.poll(min(left, _LONGEST_POLL) * 1000)
        if self._outer.cancelled:
            self.cancellation.cancel(self._outer.why)

    def _what(self) -> str:
        if not self._daemon:
            return "no daemon had taken it"
        if not self._running:
            return f"no step was running on {self._daemon}"
        now = time.monotonic()
        first = islice(self._running.values(), _NAMED)
        steps = [f"{name} (for {now - since:.0f} s)" for name, since in first]
        if (more := len(self._running) - len(steps)) > 0:
            steps.append(f"and {more} more")
        return f"running on {self._daemon}: {', '.join(steps)}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."
