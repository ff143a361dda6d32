"""What is told of the attempts of one build while they go on, and the one error that all faults come to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from router.bounds import MOST_STEPS, put, shortened
from router.errors import ConnectionLostError, NoDaemonError, RouterError, UnreachableError
from router.model.address import DockerAddress
from router.model.daemon import Candidate, Daemon, Place
from router.model.events import Attempt, Event, Notice, NoticeLevel, SolveStatus, Vertex
from router.model.frozen import replace
from router.model.mark import BuildMark
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.solve.tally import StepTally

__all__ = ["Account", "stays_in_cache"]

# How often it is said that this is what is waited for, in seconds.
_TELL_EVERY = 10.0
# Characters of a step's name that are kept, to tell of it that it was lost.
_LONGEST_NAME = 1000
# Why a daemon has no build any more; whatever it answers later, this is why.
_LOST_BUILD = "lost the build"
# Displays know a step that was given up by how its error ends.
_LOST = "lost with the daemon: context canceled"


class Account:
    """Keeps what was told already. ``why`` is the latest fault, for whoever is tried next."""

    def __init__(self, request: BuildRequest, on_event: Callable[[Event], None]) -> None:
        self.why = ""
        self._request = request
        self._on_event = on_event
        self._running: dict[str, Vertex] = {}
        self._candidates: Sequence[Candidate] = ()
        self._faults: list[RouterError] = []
        self._texts: list[str] = []  # of the faults
        self._without: dict[str, str] = {}  # why a daemon that was tried has no build, by name
        self._daemon: Daemon | None = None
        self._place = Place()
        self._created, self._waited = time.monotonic(), 0.0
        self._tally = StepTally()
        self._losses: list[RouterError] = []
        self._announced = False
        self._told: set[tuple[int, str]] = set()  # the attempts that were
        self._told_at = float("-inf")

    def tell(self, level: NoticeLevel, text: str) -> None:
        """Tell something in words."""
        self._on_event(Notice(level=level, text=text))

    def saw(self, event: Event) -> None:
        """Pass on what a backend tells, and take note of the steps that run."""
        if isinstance(event, SolveStatus):
            self._tell_what_is_left()
            self._tally.see(event)
            for vertex in event.vertexes:
                if vertex.started is None or vertex.completed is not None:
                    self._running.pop(vertex.digest, None)
                else:
                    known = replace(vertex, name=shortened(vertex.name, _LONGEST_NAME), inputs=())
                    put(self._running, vertex.digest, known, MOST_STEPS)
        self._on_event(event)

    def listed(self, candidates: Sequence[Candidate]) -> None:
        """Take note of the order in which a round tries daemons."""
        self._candidates = candidates

    def begins(self, daemon: Daemon) -> None:
        """Tell who is tried now, and why it is not the one before."""
        self._daemon = daemon
        self._place = self._place_of(daemon)
        self._waited = time.monotonic() - self._created
        number = len(self._losses) + 1
        if self.why and number == 1:
            self.tell("warning" if self._faults else "info", f"{self.why}; trying {daemon.name}")
        place = self._place
        self.tell("verbose", f"trying {daemon.name} ({place})")
        reason = self.why if number > 1 else ""
        if (number, daemon.name) not in self._told:
            self._told.add((number, daemon.name))
            self._on_event(
                Attempt(number=number, daemon=daemon.name, address=daemon.address, reason=reason, place=place)
            )
        self.why = ""

    def mark(self, mark: BuildMark | None) -> BuildMark | None:
        """Return what is left on the build's record, of this attempt; a place outside of the order stays."""
        if mark is None:
            return None
        place = self._place.number if mark.place else 0
        fleet = len(self._candidates) if mark.place else 0
        return replace(mark, place=place, attempt=len(self._losses) + 1, fleet=fleet)

    def facts(self, daemon: Daemon) -> Mapping[str, str | int]:
        """Return what a trace has of the attempt that begins: who is tried, and which choice that is."""
        place = self._place
        return {
            "warmroute.daemon": daemon.name,
            "warmroute.daemon.address": str(daemon.address),
            "warmroute.place": place.number,
            "warmroute.place.reason": place.reason,
        }

    def built(self, result: BuildResult) -> BuildResult:
        """Return the result with the choice that its daemon was, and how warm it was."""
        self._tell_what_is_left()
        cached, steps = self._tally.counts()
        return replace(
            self.placed(result), cached=cached, steps=steps, sent=self._tally.sent, waited=self._waited
        )

    def placed(self, result: BuildResult) -> BuildResult:
        """Return the result with the choice that its daemon was."""
        return replace(result, place=self._place)

    def busy(self, daemon: Daemon, error: RouterError) -> None:
        """Take note of a daemon that has enough to do."""
        self.why = daemon.naming(str(error))
        if self._without.get(daemon.name) != _LOST_BUILD:
            self._without[daemon.name] = "busy"

    def cold(self, daemon: Daemon) -> None:
        """Take note of a daemon that has not built this, where another has."""
        self.why = f"{daemon.name} has not built this yet, another daemon has"
        self._without[daemon.name] = "cold"

    def unreached(self, daemon: Daemon, error: RouterError) -> None:
        """Take note of a daemon that never had the build."""
        self._fault(daemon, error)
        if self._without.get(daemon.name) != _LOST_BUILD:
            self._without[daemon.name] = "unreachable"

    def lost(self, daemon: Daemon, error: RouterError) -> None:
        """Take note of a daemon that had the build, and tell that its steps are given up."""
        self._fault(daemon, error)
        self._without[daemon.name] = _LOST_BUILD
        self._losses.append(error)
        self._tally = StepTally()  # the next attempt's steps are others
        now = time.time_ns()
        lost = [replace(vertex, completed=now, error=_LOST) for vertex in self._running.values()]
        self._running.clear()
        if lost:
            self._on_event(SolveStatus(vertexes=tuple(lost)))

    def waits(self, error: RouterError, left: float, now: float) -> None:
        """Tell, now and then, that somebody is waited for who can be reached."""
        if now - self._told_at >= _TELL_EVERY:
            self._told_at = now
            self.tell("warning", f"waiting for a daemon for up to {left:.0f} s: {error}")

    def sum_of(self, error: UnreachableError) -> UnreachableError:
        """Return the error of the build: the only fault as it is, of several one that names all."""
        faults = list(dict.fromkeys(self._texts))
        if not self._faults:
            return error
        last = self._faults[-1]
        if len(faults) == 1 and isinstance(last, UnreachableError):
            return last
        tried = "".join(f"\n  {fault}" for fault in faults)
        if self._losses:
            times = "once" if len(self._losses) == 1 else f"{len(self._losses)} times"
            said = f"the build was lost {times}, and no other daemon can be reached"
            return ConnectionLostError(f"{said}:{tried}", hint=self._losses[-1].hint)
        return NoDaemonError(f"none of the {len(faults)} daemons could be reached:{tried}", hint=last.hint)

    def _fault(self, daemon: Daemon, error: RouterError) -> None:
        self._faults.append(error)
        self.why = daemon.naming(str(error))
        self._texts.append(self.why)

    def _place_of(self, daemon: Daemon) -> Place:
        """Return which choice a daemon is, and why the build is not at home."""
        names = [candidate.daemon.name for candidate in self._candidates]
        home, number = self._candidates[0], names.index(daemon.name) + 1
        reason = home.reason or self._without.get(home.daemon.name, "")
        return Place(number=number, home=home.daemon.name, reason=reason if number > 1 else "")

    def _tell_what_is_left(self) -> None:
        """Say so once, when a daemon has the build, if nothing will come of it but cache."""
        if self._announced or self._daemon is None:
            return
        self._announced = True
        if stays_in_cache(self._request, self._daemon):
            text = "no --push, --load or --output: only the build cache keeps the image"
            self._on_event(Notice(level="warning", text=text, reason="cache-only"))


def stays_in_cache(request: BuildRequest, daemon: Daemon) -> bool:
    """Say whether nothing is to come of a build but cache; a Docker engine keeps the image anyhow."""
    wanted = request.outputs or request.push or request.load or request.call != "build"
    return not wanted and not isinstance(daemon.address, DockerAddress)
