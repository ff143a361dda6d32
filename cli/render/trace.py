"""The build as the Status stream has told it so far: which steps there are and what became of each.

A step is a vertex, or a progress group standing for its vertexes. Logs are not kept here: each display keeps
as much of them as it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cli.render.intervals import Interval, merge_intervals
from router import (
    MOST_STEPS,
    MOST_TRANSFERS,
    MOST_WARNINGS,
    SolveStatus,
    Vertex,
    VertexStatus,
    replace,
    shortened,
)

__all__ = ["Step", "Trace", "Transfer"]

_CANCELED = "context canceled"
# Characters that are kept. A name is a line of a Dockerfile, an error may hold what a tool has said.
_LONGEST_NAME, _LONGEST_ERROR = 1000, 4000
# Times a vertex runs; each is told by where it began.
_MOST_RUNS = 1000
# Of a group: all are looked at when one of them changes.
_MOST_MEMBERS = 1000


def _short(vertex: Vertex) -> Vertex:
    """Leave out what isn't shown."""
    if not vertex.inputs and len(vertex.name) <= _LONGEST_NAME and len(vertex.error) <= _LONGEST_ERROR:
        return vertex
    return replace(
        vertex,
        name=shortened(vertex.name, _LONGEST_NAME),
        error=shortened(vertex.error, _LONGEST_ERROR),
        inputs=(),
    )


class Transfer:
    """A status of a step, and when its start was first told, by our own clock in nanoseconds."""

    __slots__ = ("seen", "status")

    def __init__(self, status: VertexStatus, seen: int) -> None:
        self.status = status
        self.seen = seen


class Step:
    """One line of the display; changed in place by Trace alone."""

    __slots__ = ("cached", "error", "hidden", "merged", "name", "transfers", "warnings")

    def __init__(self, name: str, *, hidden: bool = False) -> None:
        self.name = name
        self.cached = False
        self.error = ""
        self.hidden = hidden
        self.merged: tuple[Interval, ...] = ()
        self.transfers: dict[str, Transfer] = {}
        self.warnings: list[bytes] = []

    @property
    def started(self) -> bool:
        """Whether it has begun to run."""
        return bool(self.merged)

    @property
    def completed(self) -> bool:
        """Whether it has ended, well or not."""
        return bool(self.merged) and self.merged[-1].stop is not None

    @property
    def canceled(self) -> bool:
        """Whether it ended because the build was given up."""
        return self.error.endswith(_CANCELED)


class Trace:
    """Takes the messages of the Status stream in order."""

    def __init__(self) -> None:
        self.shown: list[Step] = []
        """The steps that have started, in the order in which they did."""
        self._steps: list[Step] = []
        self._by_digest: dict[str, Step] = {}
        self._told: dict[str, Vertex] = {}
        self._groups: dict[str, dict[str, _Runs]] = {}
        self._runs: dict[str, _Runs] = {}
        self._transfers = self._warnings = 0

    def update(self, status: SolveStatus, now: int) -> list[Step]:
        """Take one message at ``now`` (nanoseconds, our clock); return the steps that vertexes changed."""
        changed: list[Step] = []
        for vertex in map(_short, status.vertexes):
            if vertex.progress_group is not None:
                changed += self._update_group(vertex, now)
            else:
                changed += self._update_step(vertex, now)
        for transfer in status.statuses:
            self._update_transfer(transfer, now)
        for warning in status.warnings:
            step = self.find(warning.vertex)
            if step is not None and self._warnings < MOST_WARNINGS:
                self._warnings += 1
                step.warnings.append(warning.short[:_LONGEST_NAME])
        return changed

    def find(self, digest: str) -> Step | None:
        """Look up the step that a vertex is shown as."""
        return self._by_digest.get(digest)

    def counts(self) -> tuple[int, int]:
        """Count the steps that have ended, and all that are known."""
        visible = [step for step in self._steps if not step.hidden]
        return sum(step.completed for step in visible), len(visible)

    def _update_step(self, vertex: Vertex, now: int) -> Iterator[Step]:
        step = self._by_digest.get(vertex.digest)
        if step is None:
            if len(self._by_digest) >= MOST_STEPS:
                return
            step = self._add(Step(vertex.name), vertex.digest)
        if vertex.started is None:
            return  # known, not running; or told again, which takes nothing back
        if not step.started:
            self.shown.append(step)
        step.name, step.cached, step.error = vertex.name, vertex.cached, vertex.error
        runs = self._runs.setdefault(vertex.digest, _Runs())
        runs.tell(vertex.started, vertex.completed, now)
        step.merged = merge_intervals(runs)
        told = self._told.get(vertex.digest)
        self._told[vertex.digest] = vertex
        if told != vertex or vertex.completed is not None:
            yield step

    def _update_group(self, vertex: Vertex, now: int) -> Iterator[Step]:
        group = vertex.progress_group
        assert group is not None
        step = self._by_digest.get(group.id)
        if len(self._by_digest) >= MOST_STEPS and (step is None or vertex.digest not in self._by_digest):
            return
        if step is None:
            step = self._add(Step(group.name, hidden=True), group.id)
        members = self._groups.setdefault(group.id, {})
        if vertex.digest not in members and len(members) >= _MOST_MEMBERS:
            return
        before = (step.cached, step.error, step.merged, step.hidden)
        runs = members.setdefault(vertex.digest, _Runs())
        self._by_digest[vertex.digest] = step
        self._told[vertex.digest] = vertex
        if vertex.started is not None:
            runs.tell(vertex.started, vertex.completed, now)
        told = [self._told[digest] for digest in members]
        step.merged = merge_intervals(interval for each in members.values() for interval in each)
        step.cached = all(each.cached for each in told)
        step.error = next((each.error for each in told if each.error), "")
        if step.hidden and step.started and (_has_strong_run(told) or step.error):
            step.hidden = False
            self.shown.append(step)
        if not step.hidden and before != (step.cached, step.error, step.merged, step.hidden):
            yield step

    def _update_transfer(self, status: VertexStatus, now: int) -> None:
        step = self.find(status.vertex)
        if step is None or status.started is None:
            return
        known = step.transfers.get(status.id)
        if known is None:
            if self._transfers >= MOST_TRANSFERS or len(status.id) > _LONGEST_NAME:
                return
            self._transfers += 1
        if known is None or known.status.started is None:
            step.transfers[status.id] = Transfer(status, now)
        else:
            known.status = status

    def _add(self, step: Step, digest: str) -> Step:
        self._steps.append(step)
        self._by_digest[digest] = step
        return step


def _has_strong_run(members: Iterable[Vertex]) -> bool:
    return any(
        each.started is not None and each.progress_group is not None and not each.progress_group.weak
        for each in members
    )


class _Runs:
    """The times one vertex ran, by their starts."""

    def __init__(self) -> None:
        self._by_start: dict[int, Interval] = {}

    def __iter__(self) -> Iterator[Interval]:
        return iter(self._by_start.values())

    def tell(self, start: int, stop: int | None, now: int) -> None:
        known = self._by_start.get(start)
        if known is None:
            # A vertex runs once at a time: what never ended was lost with the daemon it ran on.
            self._by_start = {at: each for at, each in self._by_start.items() if each.stop is not None}
        if known is None and len(self._by_start) >= _MOST_RUNS:
            return
        self._by_start[start] = Interval(start, stop, known.seen if known else now)
