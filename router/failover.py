"""What is done next with a build, by what has happened to it. Pure: nothing is tried here, and nothing told.

A *round* goes through the fit daemons in their order until one of them has built. A daemon that can't be
reached never had the build: the next one is tried at once. One that is busy keeps what it has: the next one
is asked, and where all are busy the build waits in line, or goes to the least loaded. Where the first is
busy, or has never had the build, the next few are asked once whether they have: such a one comes first. A
daemon that lost the build ends the round; the next round lists the fleet anew and begins, once, with the
daemon that lost it. An API server that has listed the fleet and is then gone restarts: it is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, assert_never

from router.kubernetes.rights import share_rights
from router.model.daemon import Daemon
from router.model.frozen import field, frozen, replace
from router.model.routing import Placement, Spill

__all__ = [
    "Broke",
    "Course",
    "End",
    "Happening",
    "Line",
    "Listed",
    "Look",
    "Policy",
    "Rank",
    "Room",
    "Step",
    "Tried",
    "Try",
    "Warm",
    "after",
    "next_step",
]

# A build that a daemon had taken is not given up because nobody can be reached for a moment, nor one whose
# fleet was listed a moment ago: a pod's container restarts in some 3 s, an API server in some 10. Seconds.
_PATIENCE = 30.0
# How often the least loaded is looked for where all are full, before one of them is taken as it is.
_GUESSES = 10
# How many of the next are asked whether they are warm. A build that is not at home goes to the next in the
# order, and where daemons come and go the old home becomes the next: a warm one is seldom further away.
_LOOKED_AT = 4


@frozen
class Policy:
    """How much a daemon may have to do, how often a lost build is retried, and how the daemons were ranked;
    see ``RouterConfig``."""

    max_builds: int = 0
    spill: Spill = "next"
    queue: float = 0.0
    retries: int = 2
    placement: Placement = "ring"

    def bound(self, daemon: Daemon) -> int:
        """Return how many builds a daemon may have; its own bound wins."""
        return self.max_builds if daemon.max_builds is None else daemon.max_builds


# What happens.


@frozen
class Listed:
    """The fleet was listed; ``fit`` are the daemons that can take the build, home first."""

    fit: tuple[Daemon, ...]


@frozen
class Tried:
    """A daemon did not build: it was not reached, was busy with ``builds``, had never had the build, lost it,
    or is full.

    ``forbidden``: this user has no right to reach it. ``temporary``: it may be reached again soon.
    ``no_way``: the API server that had listed it is gone, which says nothing about the daemon. ``at`` is
    when, in seconds of a clock that only grows.
    """

    daemon: Daemon
    fault: Literal["unreached", "busy", "cold", "lost", "overload"]
    builds: int = 0
    forbidden: bool = False
    temporary: bool = False
    no_way: bool = False
    at: float = 0.0


@frozen
class Room:
    """A daemon that was waited for in line has room; None where the time in line is over."""

    daemon: Daemon | None


@frozen
class Warm:
    """Of the daemons that were asked these have had the build."""

    names: tuple[str, ...]


@frozen
class Broke:
    """The round broke off with an error. ``waitable``: something could not be reached, which may pass."""

    waitable: bool


Happening = Listed | Tried | Warm | Room | Broke


# What is done.


@frozen
class Rank:
    """Begin a round: list the fleet and rank it. ``patience``: because nobody can be reached, for so many
    seconds more at most."""

    patience: float | None = None


@frozen
class Try:
    """Try one of these, whichever. With ``bound`` builds in flight it gets none more; 0 is no bound.
    ``warm_only``: nor where it has never had the build."""

    among: tuple[Daemon, ...]
    bound: int
    warm_only: bool = False


@frozen
class Look:
    """Ask these which of them have had the build; ``cold`` has not, and gets it where none of them has."""

    among: tuple[Daemon, ...]
    cold: Daemon | None


@frozen
class Line:
    """Wait until one of these has fewer builds in flight than its bound. ``pause`` first, where the one that
    had room could not be reached."""

    bounds: tuple[tuple[Daemon, int], ...]
    pause: bool = False


@frozen
class End:
    """Give up: the latest error is the build's."""


Step = Rank | Try | Look | Line | End


@frozen
class Course:
    """What has happened, as far as it matters for what is next: in this round, then to the whole build."""

    stage: Literal["new", "round", "lost", "broke", "over"] = "new"
    untried: tuple[Daemon, ...] = ()
    alone: bool = False
    busy: tuple[tuple[Daemon, int], ...] = ()
    cold: Daemon | None = None
    room: Daemon | None = None
    in_vain: bool = False
    line_is_over: bool = False
    guesses: int = 0

    lost_on: Mapping[str, int] = field(default_factory=dict)
    lost_at: float = 0.0
    no_way_since: float | None = None
    looked: bool = False
    once_more: str = ""
    passed_over: frozenset[str] = frozenset()

    @property
    def losses(self) -> int:
        """How often the build was lost."""
        return sum(self.lost_on.values())


def after(course: Course, happening: Happening) -> Course:
    """Return the course with what has happened now."""
    match happening:
        case Listed(fit=fit):
            return replace(
                course,
                stage="round",
                untried=_in_turn(course, fit),
                alone=len(fit) == 1,
                busy=(),
                cold=None,
                room=None,
                in_vain=False,
                line_is_over=False,
                guesses=0,
            )
        case Warm(names=names):
            warm_first = sorted(course.untried, key=lambda daemon: daemon.name not in names)
            return replace(course, untried=tuple(warm_first), looked=True)
        case Room(daemon=daemon):
            return replace(course, room=daemon, in_vain=False, line_is_over=daemon is None)
        case Broke(waitable=waitable):
            return replace(course, stage="broke" if waitable else "over")
        case Tried():
            return _after_attempt(course, happening)
        case _:
            assert_never(happening)


def next_step(course: Course, policy: Policy, now: float) -> Step:
    """Return what is done next. ``now`` is of the same clock as ``Tried.at``."""
    match course.stage:
        case "new":
            return Rank()
        case "round":
            return _within_round(course, policy) or _patience(course, now)
        case "lost":
            return Rank() if course.losses <= policy.retries else End()
        case "broke":
            return _patience(course, now)
        case "over":
            return End()
        case _:
            assert_never(course.stage)


def _within_round(course: Course, policy: Policy) -> Step | None:
    """Return what is left to do in this round, None where nothing is."""
    if course.room is not None:
        return Try(among=(course.room,), bound=policy.bound(course.room))
    if course.untried:
        others = tuple(daemon for daemon in course.untried if daemon is not course.cold)
        seeks = policy.spill == "warm" and not course.looked and not course.losses
        if seeks and (course.cold is not None or (course.busy and len(others) > 1)):
            return Look(among=others[:_LOOKED_AT], cold=course.cold)
        first = course.untried[0]
        # A bound means nothing where there is nobody else, and no line to wait in.
        bound = 0 if course.alone and not policy.queue else policy.bound(first)
        return Try(among=(first,), bound=bound, warm_only=bool(seeks and bound and len(others) > 1))
    if not course.busy:
        return None
    if policy.queue and not course.line_is_over:
        bounds = tuple((daemon, policy.bound(daemon)) for daemon, _ in course.busy)
        return Line(bounds=bounds, pause=course.in_vain)
    least = min(builds for _, builds in course.busy)
    return Try(
        among=tuple(daemon for daemon, builds in course.busy if builds == least),
        # Others choose the least loaded at this moment too: only one of them is let in.
        bound=least + 1 if course.guesses < _GUESSES else 0,
    )


def _patience(course: Course, now: float) -> Step:
    """Wait for a daemon that can be reached, where one had the build already, or the API server is gone."""
    since = course.lost_at if course.losses else course.no_way_since
    left = 0.0 if since is None else since + _PATIENCE - now
    return Rank(patience=left) if left > 0 else End()


def _in_turn(course: Course, fit: Sequence[Daemon]) -> tuple[Daemon, ...]:
    """Return the daemons as this round tries them: first the one that gets it once more."""

    def turn(daemon: Daemon) -> int:
        return 0 if daemon.name == course.once_more else 2 if daemon.name in course.passed_over else 1

    return tuple(sorted(fit, key=turn))


def _after_attempt(course: Course, tried: Tried) -> Course:
    daemon = tried.daemon
    guessed = course.room is None and daemon not in course.untried
    if tried.fault == "cold":
        return replace(course, cold=daemon)
    in_vain = course.room is not None and tried.fault == "unreached" and tried.temporary
    course = replace(
        course,
        room=None,
        in_vain=in_vain,
        untried=tuple(other for other in course.untried if not _is_settled(other, tried)),
        guesses=course.guesses + guessed,
    )
    match tried.fault:
        case "busy":
            return replace(course, busy=_with_builds(course.busy, daemon, tried.builds))
        case "unreached":
            busy = tuple(each for each in course.busy if each[0].name != daemon.name)
            if in_vain:  # it had room a moment ago: it stays in line, behind whoever else has some
                busy += tuple(each for each in course.busy if each[0].name == daemon.name)
            if tried.no_way:
                since = tried.at if course.no_way_since is None else course.no_way_since
                return replace(course, busy=busy, no_way_since=since)
            return replace(course, busy=busy, passed_over=course.passed_over | {daemon.name})
        case "lost" | "overload":
            times = course.lost_on.get(daemon.name, 0) + 1
            once_more = tried.fault == "lost" and times == 1
            return replace(
                course,
                stage="lost",
                lost_on={**course.lost_on, daemon.name: times},
                lost_at=tried.at,
                once_more=daemon.name if once_more else "",
                passed_over=course.passed_over | (frozenset() if once_more else {daemon.name}),
            )
        case _:
            assert_never(tried.fault)


def _is_settled(other: Daemon, tried: Tried) -> bool:
    """Say whether nothing is left to try: it was tried itself, or is behind the same closed door."""
    if other.name == tried.daemon.name:
        return True
    return tried.forbidden and share_rights(tried.daemon.address, other.address)


def _with_builds(
    busy: Sequence[tuple[Daemon, int]], daemon: Daemon, builds: int
) -> tuple[tuple[Daemon, int], ...]:
    """Return who is busy with this daemon among them, in the place that it had."""
    known = {each.name: (each, number) for each, number in busy}
    return tuple((known | {daemon.name: (daemon, builds)}).values())
