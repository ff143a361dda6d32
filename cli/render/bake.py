"""The display of many builds at once: one display, in which each step has its target's name before it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256

from cli.render import Renderer
from cli.render.foreign import own_line, printable
from cli.render.table import table
from cli.render.whereabouts import Whereabouts, building_on
from router import (
    MOST_STEPS,
    Attempt,
    BuildResult,
    Event,
    Notice,
    ProgressGroup,
    SolveStatus,
    TargetOutcome,
    Vertex,
    replace,
)

__all__ = ["BakeDisplay", "BakeWhereabouts", "summary"]


class BakeWhereabouts(Whereabouts):
    """How many targets each daemon has, and how many are queued: the end of the header."""

    def __init__(self, targets: Sequence[str]) -> None:
        super().__init__()
        self._queued = set(targets)
        self._daemons: dict[str, str] = {}

    def hear(self, event: Event) -> Attempt | None:  # noqa: ARG002 -- events here don't tell whose they are
        """Take no note: the display tells which target is where."""
        return None

    def began(self, target: str, daemon: str = "") -> None:
        """Take note that a target is no longer queued, and on which daemon it is."""
        self._queued.discard(target)
        if daemon:
            self._daemons[target] = daemon

    def ended(self, target: str) -> None:
        """Take note that a target is over."""
        self._queued.discard(target)
        self._daemons.pop(target, None)

    @property
    def label(self) -> str:
        """The daemons with their numbers of targets."""
        counts = sorted(Counter(list(self._daemons.values())).items())
        parts = [f"{count} on {printable(daemon)}" for daemon, count in counts]
        queued = len(self._queued)
        return ", ".join([*parts, *([f"{queued} queued"] if queued else [])])


class BakeDisplay:
    """Hears of the targets, from several threads, and has one display show them.

    ``brief``: where targets run is shown in the header already. ``told``: a failure is told at once, because
    the others go on.
    """

    def __init__(
        self,
        renderer: Renderer,
        whereabouts: BakeWhereabouts,
        *,
        prefixed: bool,
        brief: bool,
        told: bool = False,
    ) -> None:
        self._renderer = renderer
        self._whereabouts = whereabouts
        self._prefixed = prefixed
        self._brief = brief
        self._told = told
        self._lock = threading.Lock()
        self._attempts: dict[str, Attempt] = {}
        self._digests: dict[tuple[str, str], str] = {}
        self.unkept: list[str] = []
        """The targets of which only the build cache keeps something."""

    def queued(self, targets: Sequence[str], at_once: int) -> None:
        """Say which targets have to wait."""
        if not self._brief:
            text = f"{at_once} targets at once; queued: {', '.join(targets)}"
            self._renderer.event(Notice(level="info", text=text))

    def began(self, target: str) -> None:
        """Hear that a target is no longer queued."""
        with self._lock:
            self._whereabouts.began(target)

    def event(self, target: str, event: Event) -> None:
        """Show a target's progress."""
        match event:
            case SolveStatus():
                self._tell_where(target)
                self._renderer.event(self._of_target(target, event) if self._prefixed else event)
            case Attempt():
                with self._lock:
                    self._attempts[target] = event
                    self._whereabouts.began(target, event.daemon)
                if event.reason:
                    self._renderer.event(replace(event, reason=self._named(target, event.reason)))
            case Notice(reason="cache-only"):
                with self._lock:
                    self.unkept.append(target)
            case Notice():
                self._renderer.event(replace(event, text=self._named(target, event.text)))

    def ended(self, outcome: TargetOutcome) -> None:
        """Hear what came of a target."""
        with self._lock:
            self._whereabouts.ended(outcome.name)
            if outcome.result is None and outcome.name in self.unkept:
                self.unkept.remove(outcome.name)
        if outcome.error is not None and self._told:
            self._renderer.event(Notice(level="warning", text=f"{outcome.name} failed: {outcome.error}"))

    def _tell_where(self, target: str) -> None:
        with self._lock:
            attempt = self._attempts.pop(target, None)
        if attempt is not None and not (self._brief and attempt.place.number == 1):
            self._renderer.event(Notice(level="info", text=self._named(target, building_on(attempt))))

    def _named(self, target: str, text: str) -> str:
        return f"{target}: {text}" if self._prefixed else text

    def _of_target(self, target: str, status: SolveStatus) -> SolveStatus:
        """Return a message whose steps are one target's own: others have the same, perhaps elsewhere."""

        def own(digest: str) -> str:
            return self._own(target, digest)

        return SolveStatus(
            vertexes=tuple(self._vertex(target, each) for each in status.vertexes),
            statuses=tuple(replace(each, vertex=own(each.vertex)) for each in status.statuses),
            logs=tuple(replace(each, vertex=own(each.vertex)) for each in status.logs),
            warnings=tuple(replace(each, vertex=own(each.vertex)) for each in status.warnings),
        )

    def _vertex(self, target: str, vertex: Vertex) -> Vertex:
        group = vertex.progress_group
        if group is not None:
            name = _prefixed(target, group.name)
            group = ProgressGroup(id=self._own(target, group.id), name=name, weak=group.weak)
        return replace(
            vertex,
            digest=self._own(target, vertex.digest),
            inputs=tuple(self._own(target, each) for each in vertex.inputs),
            name=_prefixed(target, vertex.name),
            progress_group=group,
        )

    def _own(self, target: str, digest: str) -> str:
        known = self._digests.get((target, digest))
        if known is None:
            text = f"{target} {digest}".encode("utf-8", "surrogateescape")
            known = f"sha256:{sha256(text).hexdigest()}" if digest else ""
            if len(self._digests) < MOST_STEPS:
                self._digests[target, digest] = known
        return known


def _prefixed(target: str, name: str) -> str:
    """Return a step's name as buildx writes it among several targets."""
    return f"[{target} {name[1:]}" if name.startswith("[") else f"[{target}] {name}"


def summary(outcomes: Iterable[TargetOutcome], *, room: int | None) -> str:
    """Return the table of targets: where each was built, and what of it was cached."""
    rows = [_row(each) for each in outcomes]
    return table(("TARGET", "DAEMON", "HOME", "CACHED", "SECONDS"), rows, room=room)


def _row(outcome: TargetOutcome) -> tuple[str, str, str, str, str]:
    seconds = f"{outcome.seconds:.1f}" if outcome.seconds else ""
    if outcome.result is None:
        state = "failed" if outcome.error is not None else f"not built ({outcome.reason})"
        return outcome.name, state, "", "", seconds
    result = outcome.result
    cached = f"{result.cached} of {result.steps}" if result.steps else ""
    return outcome.name, result.daemon, _home(result), cached, f"{result.seconds:.1f}"


def _home(result: BuildResult) -> str:
    place = result.place
    if place.number == 1:
        return "yes"
    why = ": ".join(filter(None, (place.home, place.reason)))
    return f"no ({own_line(why)})" if why else f"no ({place})"
