"""From a ranked fleet to a build that ends: what ``router.failover`` decides is done here, step by step.

``router.faults`` says which error is what, ``router.account`` tells of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from router.account import Account, stays_in_cache
from router.backends import Backend, BackendContext
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
from router.failover import (
    Broke,
    Course,
    End,
    Happening,
    Line,
    Listed,
    Look,
    Policy,
    Rank,
    Room,
    Step,
    Tried,
    Try,
    Warm,
    after,
    next_step,
)
from router.faults import fault_of
from router.flags.output import resolve_outputs
from router.model.daemon import Candidate, Daemon
from router.model.events import Event, SolveStatus
from router.model.frozen import replace
from router.model.request import Output
from router.model.result import BuildResult
from router.retry import Pauses, pausing, persisting
from router.solve.prepared import PreparedBuild

if TYPE_CHECKING:
    from router.operations.pushed import Pushes

__all__ = ["Attempts", "Policy", "Ranking"]

# Seconds before a lost build is retried: what broke a connection needs a moment to show, in the fleet's
# listing too.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 4.0
# The same before going back into line, where the daemon that had room could not be reached.
_FIRST_IN_LINE, _LONGEST_IN_LINE = 0.2, 2.0


class Ranking(Protocol):
    """Lists the fleet as it is now, and ranks it."""

    def __call__(self) -> Sequence[Candidate]:
        """Return all in their order, home first, at least one of them fit.

        Raises ``FleetError`` where they can't be listed, ``NoDaemonError`` where nobody is fit.
        """


class Attempts:
    """One build, tried as often as it takes. Not for use twice."""

    def __init__(
        self, build: PreparedBuild, context: BackendContext, backend: Backend, policy: Policy
    ) -> None:
        self._build = build
        self._account = Account(build.request, context.on_event)
        self._context = replace(context, on_event=self._saw)
        self._backend = backend
        self._policy = policy
        self._course = Course()
        self._candidates: Sequence[Candidate] = ()
        self._line_ends = 0.0
        self._line_pauses: Iterator[None] | None = None
        self._pushes = _pushes(build)

    def run(self, rank: Ranking) -> BuildResult:
        """Build. Raises the error that nothing can be done about; of several faults, one that names all."""
        pauses = Pauses(first=_FIRST_WAIT, longest=_LONGEST_WAIT, sleep=self._context.cancellation.sleep)
        try:
            return persisting(
                lambda: self._round(rank),
                again=lambda _error, _attempt: isinstance(self._next, Rank),
                pauses=pauses,
                before_pause=self._tell_patience,
            )
        except (DialError, ConnectionLostError, OverloadError, NoDaemonError) as exc:
            failure = self._account.sum_of(exc)
            if failure is exc:
                raise
            raise failure from exc

    @property
    def _next(self) -> Step:
        return next_step(self._course, self._policy, time.monotonic())

    def _happened(self, happening: Happening) -> None:
        self._course = after(self._course, happening)

    def _round(self, rank: Ranking) -> BuildResult:
        """List the fleet, and do what is to be done until something has come of it."""
        self._list(rank)
        self._line_pauses = None
        while True:
            match self._next:
                case Try() as step:
                    result = self._try(step)
                    if result is not None:
                        return result
                case Look(among=among, cold=cold):
                    self._happened(Warm(names=self._warm(among, cold)))
                case Line() as line:
                    self._happened(Room(daemon=self._in_line(line)))
                case Rank() | End():
                    raise NoDaemonError(self._account.why)

    def _list(self, rank: Ranking) -> None:
        try:
            with self._context.span.begin("list") as span:
                self._candidates = rank()
                ready = sum(candidate.fit for candidate in self._candidates)
                span.note({"warmroute.daemons": len(self._candidates), "warmroute.daemons.fit": ready})
        except FleetError as exc:
            if not self._candidates:
                self._happened(Broke(waitable=True))
                raise
            self._account.tell("warning", f"{exc}; trying the daemons known before")
        except RouterError as exc:
            self._happened(Broke(waitable=isinstance(exc, UnreachableError)))
            raise
        self._account.listed(self._candidates)
        fit = tuple(candidate.daemon for candidate in self._candidates if candidate.fit)
        self._happened(Listed(fit=fit))

    def _try(self, step: Try) -> BuildResult | None:
        """Build on a daemon; None where it did not take the build. Raises what ends the round."""
        daemon = _one_of(step.among)
        self._account.begins(daemon)
        try:
            with self._context.span.begin("attempt", self._account.facts(daemon)) as span:
                context = replace(
                    self._context,
                    max_builds=step.bound,
                    warm_only=step.warm_only,
                    mark=self._account.mark(self._context.mark),
                    span=span,
                )
                built = self._backend.build(self._build_for(daemon), daemon, context)
            return self._with_earlier_home(self._account.built(built))
        except RouterError as exc:
            match fault_of(exc):
                case "unreached":
                    self._account.unreached(daemon, exc)
                    self._happened(
                        Tried(
                            daemon=daemon,
                            fault="unreached",
                            forbidden=exc.reason == "forbidden",
                            temporary=exc.temporary,
                            no_way=exc.reason == "no-api-server",
                            at=time.monotonic(),
                        )
                    )
                    return None
                case "busy":
                    self._account.busy(daemon, exc)
                    builds = exc.builds if isinstance(exc, BusyError) else 0
                    self._happened(Tried(daemon=daemon, fault="busy", builds=builds))
                    return None
                case "cold":
                    self._happened(Tried(daemon=daemon, fault="cold"))
                    return None
                case "lost" | "overload" as fault:
                    lost_at = time.monotonic()
                    self._account.lost(daemon, exc)
                    if (result := self._pushed(daemon)) is not None:
                        return self._account.placed(result)
                    # Last: what is raised before it, as by whoever cancels, is worth no further attempt.
                    self._happened(Tried(daemon=daemon, fault=fault, at=lost_at))
                case "final":
                    self._happened(Broke(waitable=isinstance(exc, UnreachableError)))
            raise

    def _with_earlier_home(self, result: BuildResult) -> BuildResult:
        """Return the result with the daemon that was the key's home before, where home never built it."""
        miss = result.miss
        if miss is None or miss.reason != "first" or result.place.number != 1:
            return result
        from router.operations.earlier_home import Ranked, with_earlier_home  # most builds are no first ones

        context = self._context
        ranked = Ranked(
            key=context.key,
            placement=self._policy.placement,
            daemons=tuple(candidate.daemon for candidate in self._candidates),
        )
        return replace(result, miss=with_earlier_home(miss, ranked, context.dial, context.cancellation))

    def _build_for(self, daemon: Daemon) -> PreparedBuild:
        """Return the build, with an image to be told the digest of where one was not asked for."""
        request = self._build.request
        if not (request.identify and stays_in_cache(request, daemon)):
            return self._build
        image = Output(type="image", attrs={"store": "false"})
        outputs = resolve_outputs((image,), push=False, load=False, tags=request.tags)
        return replace(self._build, outputs=outputs)

    def _warm(self, among: Sequence[Daemon], cold: Daemon | None) -> tuple[str, ...]:
        """Return who has had the build of some that are asked at the same time."""
        from router.operations.warmth import warm_among
        from router.solve.ref import ref_prefix

        warm = warm_among(
            among, ref_prefix(self._context.key), self._context.dial, self._context.cancellation, cold=cold
        )
        if warm and cold is not None:
            self._account.cold(cold)
        return warm

    def _in_line(self, line: Line) -> Daemon | None:
        """Return who has room as soon as somebody has, None where the time in line is over."""
        from router.operations.load import Waiting, wait_for_room

        if self._line_pauses is None:
            self._line_ends = time.monotonic() + self._policy.queue
            self._line_pauses = pausing(
                Pauses(first=_FIRST_IN_LINE, longest=_LONGEST_IN_LINE, sleep=self._sleep_in_line)
            )
        if line.pause:
            next(self._line_pauses)
        waiting = Waiting(
            seconds=self._line_ends - time.monotonic(),
            dial=self._context.dial,
            cancellation=self._context.cancellation,
            tell=lambda text: self._account.tell("info", text),
        )
        free = wait_for_room(line.bounds, waiting) if waiting.seconds > 0 else None
        if free is None:
            queue = self._policy.queue
            self._account.tell("info", f"waited {queue:g} s in line; taking the least loaded daemon")
        else:
            self._account.why = ""
        return free

    def _sleep_in_line(self, seconds: float) -> None:
        self._context.cancellation.sleep(min(seconds, self._line_ends - time.monotonic()))

    def _pushed(self, daemon: Daemon) -> BuildResult | None:
        """Ask the registry whether the image had got there; what was pushed need not be built again."""
        if self._pushes is None:
            return None
        result = self._pushes.result(daemon, self._context.environment)
        self._pushes.forget()
        if result is not None:
            said = f"{self._account.why}; but the registry has the image by now, {result.digest}"
            self._account.tell("warning", said)
        return result

    def _saw(self, event: Event) -> None:
        if self._pushes is not None and isinstance(event, SolveStatus) and event.statuses:
            self._pushes.see(event)
        self._account.saw(event)

    def _tell_patience(self, error: RouterError) -> None:
        step = self._next
        if isinstance(step, Rank) and step.patience is not None:
            self._account.waits(error, step.patience, time.monotonic())


def _pushes(build: PreparedBuild) -> Pushes | None:
    if not (build.request.push or build.request.outputs):
        return None
    from router.operations.pushed import pushes_of  # few builds push, and it takes some loading

    return pushes_of(build)


def _one_of(daemons: Sequence[Daemon]) -> Daemon:
    if len(daemons) == 1:
        return daemons[0]
    from random import choice  # takes some loading, and few builds have a choice

    return choice(daemons)  # noqa: S311 - no secret
