"""One of the builds that share a daemon: what is told of it, and how warm the daemon was for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from router.account import stays_in_cache
from router.baking.requests import BakeBuild
from router.bounds import MOST_STEPS, put
from router.build import Ready
from router.model.daemon import Daemon
from router.model.events import Attempt, Event, Notice, SolveStatus, Vertex
from router.model.frozen import replace
from router.model.result import BuildResult
from router.solve.tally import StepTally

__all__ = ["Member"]

# Displays know a step that was given up by how its error ends.
_LOST = "lost with the daemon: context canceled"


class Member:
    """A build, over all its tries. ``tell`` hears of it."""

    def __init__(self, build: BakeBuild, ready: Ready, tell: Callable[[Event], None]) -> None:
        self.build = build
        self.ready = ready
        self.tell = tell
        self.done = False
        """Whether its result was delivered: it is built again only for others' sake."""
        self._lock = threading.Lock()
        self._tally = StepTally()
        self._running: dict[str, Vertex] = {}
        self._foreign: Callable[[str], bool] = lambda _: False
        self._created = time.monotonic()

    def begins(self, attempt: Attempt, daemon: Daemon, foreign: Callable[[str], bool]) -> None:
        """Tell which daemon has it now. ``foreign`` says whether a step is another build's, by its digest."""
        self._tally = StepTally()
        self._foreign = foreign
        self.tell(attempt)
        if stays_in_cache(self.ready.build.request, daemon):
            text = "no --push, --load or --output: only the build cache keeps the image"
            self.tell(Notice(level="warning", text=text, reason="cache-only"))

    def hear(self, event: Event) -> None:
        """Tell of its own steps; those of the builds that it uses are told of by these."""
        if not isinstance(event, SolveStatus):
            self.tell(event)
            return
        own = self._own(event)
        with self._lock:
            self._tally.see(own)
            for vertex in own.vertexes:
                if vertex.started is None or vertex.completed is not None:
                    self._running.pop(vertex.digest, None)
                else:
                    put(self._running, vertex.digest, replace(vertex, inputs=()), MOST_STEPS)
        if own != SolveStatus():
            self.tell(own)

    def lost(self) -> None:
        """Tell that its steps are given up."""
        now = time.time_ns()
        with self._lock:
            lost = tuple(replace(each, completed=now, error=_LOST) for each in self._running.values())
            self._running.clear()
        if lost:
            self.tell(SolveStatus(vertexes=lost))

    def result(self, result: BuildResult, attempt: Attempt) -> BuildResult:
        """Return a result with where it was built, and how warm that daemon was."""
        cached, steps = self._tally.counts()
        return replace(
            result,
            key=self.build.key.key,
            rule=self.build.key.rule,
            place=attempt.place,
            steps=steps,
            cached=cached,
            sent=self._tally.sent,
            seconds=time.monotonic() - self._created,
        )

    def _own(self, status: SolveStatus) -> SolveStatus:
        foreign = {
            each for each in {*(v.digest for v in status.vertexes), *_named(status)} if self._foreign(each)
        }
        if not foreign:
            return status
        return SolveStatus(
            vertexes=tuple(each for each in status.vertexes if each.digest not in foreign),
            statuses=tuple(each for each in status.statuses if each.vertex not in foreign),
            logs=tuple(each for each in status.logs if each.vertex not in foreign),
            warnings=tuple(each for each in status.warnings if each.vertex not in foreign),
        )


def _named(status: SolveStatus) -> set[str]:
    return {each.vertex for part in (status.statuses, status.logs, status.warnings) for each in part}
