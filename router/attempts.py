"""From a ranked fleet to a build that ends: who is tried, what a fault leads to, and what is said meanwhile.

A *round* goes through the fit daemons in their order until one of them has built. A daemon that can't be
reached never had the build: the next one is tried at once. One that is busy keeps what it has: the next one
is asked. A daemon that lost the build ends the round; the next round lists the fleet anew and begins, once,
with the daemon that lost it. ``router.faults`` says which error is what.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from router.backends import Backend, BackendContext
from router.bounds import MOST_STEPS, put, shortened
from router.errors import (
    BusyError,
    ConnectionLostError,
    DialError,
    FleetError,
    NoDaemonError,
    OverloadError,
    RouterError,
    UnreachableError,
)
from router.faults import fault_of
from router.kubernetes.rights import share_rights
from router.model.address import DockerAddress
from router.model.daemon import Candidate, Daemon, Place
from router.model.events import Attempt, Event, Notice, NoticeLevel, SolveStatus, Vertex
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest, Output
from router.model.result import BuildResult
from router.retry import persisting
from router.solve.tally import StepTally

if TYPE_CHECKING:
    from router.operations.pushed import Pushes

__all__ = ["Attempts", "Policy", "Ranking"]

# Seconds before a lost build is begun anew: what broke a connection needs a moment to show, in the fleet's
# listing too.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 4.0
# A build that a daemon had taken is not given up because nobody can be reached for a moment: a pod's
# container restarts in some 3 s, an API server in some 10.
_PATIENCE = 30.0
# How often it is said that this is what is waited for, in seconds.
_TELL_EVERY = 10.0
# How often the least loaded is looked for where all are full, before one of them is taken as it is.
_GUESSES = 10
# Characters of a step's name that are kept, to tell of it that it was lost.
_LONGEST_NAME = 1000


@frozen
class Policy:
    """How much a daemon may have to do, and how often a lost build is begun anew; see ``RouterConfig``."""

    max_builds: int = 0
    queue: float = 0.0
    retries: int = 2


class Ranking(Protocol):
    """Lists the fleet as it is now, and ranks it."""

    def __call__(self) -> Sequence[Candidate]:
        """Return all in their order, home first, at least one of them fit.

        Raises ``FleetError`` where they can't be listed, ``NoDaemonError`` where nobody is fit.
        """


class Attempts:
    """One build, tried as often as it takes. Not for use twice."""

    def __init__(
        self, request: BuildRequest, context: BackendContext, backend: Backend, policy: Policy
    ) -> None:
        self._request = request
        self._on_event = context.on_event
        self._context = replace(context, on_event=self._saw)
        self._backend = backend
        self._policy = policy
        self._running: dict[str, Vertex] = {}
        self._candidates: Sequence[Candidate] = ()
        self._faults: list[RouterError] = []
        self._why = ""  # the latest fault, for whoever is tried next
        self._lost_on: Counter[str] = Counter()
        self._lost_at = 0.0
        self._announced = False
        self._told: set[tuple[int, str]] = set()  # the attempts that were
        self._told_at = float("-inf")
        self._pushes = _pushes(request)
        self._again = ""  # the daemon that is tried once more
        self._passed_over: set[str] = set()
        self._without: dict[str, str] = {}  # why a daemon that was tried has no build, by name
        self._tally = StepTally()

    def run(self, rank: Ranking) -> BuildResult:
        """Build. Raises the error that nothing can be done about; of several faults, one that names all."""
        try:
            return persisting(
                lambda: self._round(rank),
                again=self._worth_another_round,
                first_wait=_FIRST_WAIT,
                longest_wait=_LONGEST_WAIT,
                sleep=self._context.cancellation.sleep,
            )
        except (DialError, ConnectionLostError, OverloadError, NoDaemonError) as exc:
            failure = self._sum_of(exc)
            if failure is exc:
                raise
            raise failure from exc

    # -- one round

    def _round(self, rank: Ranking) -> BuildResult:
        fit = self._fit(rank)
        busy: dict[str, int] = {}
        forbidden: list[Daemon] = []
        for daemon in fit:
            if any(share_rights(each.address, daemon.address) for each in forbidden):
                continue
            # A bound means nothing where there is nobody else, and no line to wait in.
            bound = self._bound(daemon) if len(fit) > 1 or self._policy.queue else 0
            try:
                return self._attempt(daemon, bound)
            except DialError as exc:
                self._passed_over.add(daemon.name)
                if exc.reason == "forbidden":
                    forbidden.append(daemon)
            except BusyError as exc:
                busy[daemon.name] = exc.builds
        return self._although_busy({daemon.name: daemon for daemon in fit}, busy)

    def _fit(self, rank: Ranking) -> Sequence[Daemon]:
        """Return the daemons in the order in which this round tries them."""
        try:
            self._candidates = rank()
        except FleetError as exc:
            if not self._candidates:
                raise
            self._tell("warning", f"{exc}; trying those that were there before")

        def turn(daemon: Daemon) -> int:
            return 0 if daemon.name == self._again else 2 if daemon.name in self._passed_over else 1

        return sorted((candidate.daemon for candidate in self._candidates if candidate.fit), key=turn)

    def _bound(self, daemon: Daemon) -> int:
        return self._policy.max_builds if daemon.max_builds is None else daemon.max_builds

    # -- one attempt

    def _attempt(self, daemon: Daemon, bound: int) -> BuildResult:
        place = self._place(daemon)
        self._announce(daemon, place)
        try:
            if bound and not self._backend.asks_for_turn:
                self._ask_for_turn(daemon, bound)
            context = replace(self._context, max_builds=bound)
            built = self._backend.build(self._request_for(daemon), daemon, context)
            cached, steps = self._tally.counts()
            return replace(built, place=place, cached=cached, steps=steps)
        except RouterError as exc:
            match fault_of(exc):
                case "unreached":
                    self._faults.append(exc)
                    self._why = str(exc)
                    self._without[daemon.name] = "unreachable"
                case "busy":
                    self._why = str(exc)
                    self._without[daemon.name] = "busy"
                case "lost" | "overload" as fault:
                    self._without[daemon.name] = "lost the build"
                    self._lost(daemon, exc, once_more=fault == "lost")
                    if (result := self._pushed(daemon)) is not None:
                        return replace(result, place=place)
                case "final":
                    pass
            raise

    def _ask_for_turn(self, daemon: Daemon, bound: int) -> None:
        from router.operations.load import require_room

        require_room(daemon, bound, self._context.dial, self._context.cancellation)

    def _place(self, daemon: Daemon) -> Place:
        """Return which choice a daemon is, and why the build is not at home."""
        names = [candidate.daemon.name for candidate in self._candidates]
        home, number = self._candidates[0], names.index(daemon.name) + 1
        reason = home.reason or self._without.get(home.daemon.name, "")
        return Place(number=number, home=home.daemon.name, reason=reason if number > 1 else "")

    def _announce(self, daemon: Daemon, place: Place) -> None:
        if not self._announced:
            self._announced = True
            self._tell_what_is_left(daemon)
        number = self._lost_on.total() + 1
        if self._why and number == 1:
            self._tell("warning" if self._faults else "info", f"{self._why}; trying {daemon.name}")
        which = "home" if place.number == 1 else f"number {place.number} in its order"
        self._tell("verbose", f"trying {daemon.name} ({which})")
        reason = self._why if number > 1 else ""
        if (number, daemon.name) not in self._told:
            self._told.add((number, daemon.name))
            self._on_event(
                Attempt(number=number, daemon=daemon.name, address=daemon.address, reason=reason, place=place)
            )
        self._why = ""

    # -- what is left where all are busy

    def _although_busy(self, daemons: Mapping[str, Daemon], busy: dict[str, int]) -> BuildResult:
        """Wait in line, then take the least loaded; ``busy`` has the builds in flight of who answers."""
        if self._policy.queue:
            for daemon in self._in_line([daemons[name] for name in busy]):
                try:
                    return self._attempt(daemon, self._bound(daemon))
                except BusyError:
                    continue  # somebody else was faster: back into the line
                except DialError:
                    busy.pop(daemon.name, None)
        for guess in range(_GUESSES + len(busy)):
            if not busy:
                break
            daemon = daemons[_one_of_the_least(busy)]
            # Others choose the least loaded at this moment too: only one of them is let in.
            bound = busy[daemon.name] + 1 if guess < _GUESSES else 0
            try:
                return self._attempt(daemon, bound)
            except BusyError as exc:
                busy[daemon.name] = exc.builds
            except DialError:
                del busy[daemon.name]
        raise NoDaemonError(self._why)

    def _in_line(self, daemons: Sequence[Daemon]) -> Iterator[Daemon]:
        """Yield who has room, as often as somebody has, until the time in line is over."""
        from router.operations.load import Waiting, wait_for_room

        end = time.monotonic() + self._policy.queue
        while (left := end - time.monotonic()) > 0:
            waiting = Waiting(
                seconds=left,
                dial=self._context.dial,
                cancellation=self._context.cancellation,
                tell=lambda text: self._tell("info", text),
            )
            free = wait_for_room([(daemon, self._bound(daemon)) for daemon in daemons], waiting)
            if free is None:
                break
            self._why = ""
            yield free
        self._tell("info", f"waited {self._policy.queue:g} s in line: taking the least loaded daemon")

    # -- what was lost

    def _lost(self, daemon: Daemon, error: RouterError, *, once_more: bool) -> None:
        self._faults.append(error)
        self._why = str(error)
        self._lost_at = time.monotonic()
        self._lost_on[daemon.name] += 1
        self._again = daemon.name if once_more and self._lost_on[daemon.name] == 1 else ""
        if not self._again:
            self._passed_over.add(daemon.name)
        now = time.time_ns()
        lost = [replace(vertex, completed=now, error=_LOST) for vertex in self._running.values()]
        self._running.clear()
        if lost:
            self._on_event(SolveStatus(vertexes=tuple(lost)))

    def _pushed(self, daemon: Daemon) -> BuildResult | None:
        """Ask the registry whether the image had got there; what was pushed need not be built again."""
        if self._pushes is None:
            return None
        result = self._pushes.result(daemon, self._context.environment)
        self._pushes.forget()
        if result is not None:
            said = f"{self._why}; but the registry has the image by now, {result.digest}"
            self._tell("warning", said)
        return result

    def _worth_another_round(self, error: RouterError) -> bool:
        if fault_of(error) in {"lost", "overload"}:
            return self._lost_on.total() <= self._policy.retries
        # Nobody can be reached: that matters to a build that somebody had taken already.
        left = self._lost_at + _PATIENCE - time.monotonic()
        if not self._lost_on or not isinstance(error, UnreachableError) or left <= 0:
            return False
        self._tell_patience(error, left)
        return True

    def _tell_patience(self, error: UnreachableError, left: float) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELL_EVERY:
            self._told_at = now
            self._tell("warning", f"waiting for a daemon, {left:.0f} s at most: {error}")

    def _sum_of(self, error: UnreachableError) -> UnreachableError:
        faults = list(dict.fromkeys(map(str, self._faults)))
        if not self._faults:
            return error
        last = self._faults[-1]
        if len(faults) == 1 and isinstance(last, UnreachableError):
            return last
        tried = "".join(f"\n  {fault}" for fault in faults)
        if self._lost_on:
            times = self._lost_on.total()
            said = f"the build was lost {times} time{'s' if times > 1 else ''}, and no daemon is left to try"
            return ConnectionLostError(f"{said}:{tried}", hint=last.hint)
        return NoDaemonError(f"none of {len(faults)} daemons could be reached:{tried}", hint=last.hint)

    # -- what is told

    def _tell_what_is_left(self, daemon: Daemon) -> None:
        """Say so if nothing will come of the build but cache."""
        if self._stays_in_cache(daemon):
            text = "no --push, --load or --output: the image stays in the daemon's build cache"
            self._on_event(Notice(level="warning", text=text, reason="cache-only"))

    def _stays_in_cache(self, daemon: Daemon) -> bool:
        """Whether nothing is to come of the build; a Docker engine keeps the image anyhow."""
        request = self._request
        wanted = request.outputs or request.push or request.load or request.call != "build"
        return not wanted and not isinstance(daemon.address, DockerAddress)

    def _request_for(self, daemon: Daemon) -> BuildRequest:
        """Return the request, with an image to be told the digest of where one was not asked for."""
        if not (self._request.identify and self._stays_in_cache(daemon)):
            return self._request
        return replace(self._request, outputs=(Output(type="image", attrs={"store": "false"}),))

    def _saw(self, event: Event) -> None:
        if isinstance(event, SolveStatus):
            self._tally.see(event)
            if self._pushes is not None and event.statuses:
                self._pushes.see(event)
            for vertex in event.vertexes:
                if vertex.started is None or vertex.completed is not None:
                    self._running.pop(vertex.digest, None)
                else:
                    known = replace(vertex, name=shortened(vertex.name, _LONGEST_NAME), inputs=())
                    put(self._running, vertex.digest, known, MOST_STEPS)
        self._on_event(event)

    def _tell(self, level: NoticeLevel, text: str) -> None:
        self._on_event(Notice(level=level, text=text))


def _pushes(request: BuildRequest) -> Pushes | None:
    if not (request.push or request.outputs):
        return None
    from router.operations.pushed import pushes_of  # few builds push, and it takes some loading

    return pushes_of(request)


def _one_of_the_least(builds: Mapping[str, int]) -> str:
    from random import choice

    least = min(builds.values())
    return choice([name for name, number in builds.items() if number == least])  # noqa: S311 - no secret


# Displays know a step that was given up by how its error ends.
_LOST = "lost with the daemon: context canceled"
