"""What is done next, by what has happened: a table of cases, and laws that hold for any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.address import parse_address
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
from router.model.daemon import Daemon
from router.model.frozen import replace

A, B, C = (Daemon(name=name, address=parse_address(f"tcp://{name}.test:1234")) for name in "abc")
POD, NEIGHBOUR = (
    Daemon(name=name, address=parse_address(f"kube-pod://{name}?namespace=ci")) for name in "pn"
)
ABC = Listed(fit=(A, B, C))
NOW = 100.0

LIMIT = Policy(max_builds=4)
QUEUE = Policy(max_builds=4, queue=60.0)
WARM = Policy(max_builds=4, spill="warm")


def unreached(daemon: Daemon, *, forbidden: bool = False) -> Tried:
    return Tried(daemon=daemon, fault="unreached", forbidden=forbidden, temporary=not forbidden)


def no_way(daemon: Daemon, at: float = NOW) -> Tried:
    return Tried(daemon=daemon, fault="unreached", temporary=True, no_way=True, at=at)


def busy(daemon: Daemon, builds: int) -> Tried:
    return Tried(daemon=daemon, fault="busy", builds=builds)


def lost(daemon: Daemon, at: float = NOW) -> Tried:
    return Tried(daemon=daemon, fault="lost", at=at)


def full(daemon: Daemon, at: float = NOW) -> Tried:
    return Tried(daemon=daemon, fault="overload", at=at)


def cold(daemon: Daemon) -> Tried:
    return Tried(daemon=daemon, fault="cold")


def attempt(*among: Daemon, bound: int = 0, warm_only: bool = False) -> Try:
    return Try(among=among, bound=bound, warm_only=warm_only)


_ALL_BUSY = (ABC, busy(A, 9), busy(B, 4), busy(C, 7))

CASES: dict[str, tuple[Policy, tuple[Happening, ...], Step]] = {
    "it begins with the fleet": (Policy(), (), Rank()),
    "home is tried first": (Policy(), (ABC,), attempt(A)),
    "what can't be reached never had it: the next": (Policy(), (ABC, unreached(A)), attempt(B)),
    "nobody can be reached": (Policy(), (ABC, unreached(A), unreached(B), unreached(C)), End()),
    "a right that is missing closes the way to the neighbour": (
        Policy(),
        (Listed(fit=(POD, NEIGHBOUR, A)), unreached(POD, forbidden=True)),
        attempt(A),
    ),
    "a pod that is merely gone doesn't": (
        Policy(),
        (Listed(fit=(POD, NEIGHBOUR, A)), unreached(POD)),
        attempt(NEIGHBOUR),
    ),
    "the fleet can't be listed": (Policy(), (Broke(waitable=True),), End()),
    "the build itself fails": (Policy(), (ABC, Broke(waitable=False)), End()),
    # Bounds
    "each has its bound": (LIMIT, (ABC,), attempt(A, bound=4)),
    "a daemon's own bound wins": (
        LIMIT,
        (Listed(fit=(replace(A, max_builds=1), B)),),
        attempt(replace(A, max_builds=1), bound=1),
    ),
    "a lone daemon has none": (LIMIT, (Listed(fit=(A,)),), attempt(A)),
    "but where there is a line to wait in": (QUEUE, (Listed(fit=(A,)),), attempt(A, bound=4)),
    "a busy one is passed over": (LIMIT, (ABC, busy(A, 4)), attempt(B, bound=4)),
    "of busy ones the least loaded takes one more": (LIMIT, _ALL_BUSY, attempt(B, bound=5)),
    "one of several": (LIMIT, (ABC, busy(A, 4), busy(B, 4), busy(C, 7)), attempt(A, B, bound=5)),
    "who was outrun looks again": (LIMIT, (*_ALL_BUSY, busy(B, 8)), attempt(C, bound=8)),
    "and in the end takes it as it is": (LIMIT, (*_ALL_BUSY, *[busy(B, 4)] * 10), attempt(B)),
    "a busy one that is gone no longer counts": (LIMIT, (*_ALL_BUSY, unreached(B)), attempt(C, bound=8)),
    # Warmth
    "the first is asked whether it is warm": (WARM, (ABC,), attempt(A, bound=4, warm_only=True)),
    "a lone one gets it anyhow": (WARM, (Listed(fit=(A,)),), attempt(A)),
    "without a bound nothing is asked": (Policy(spill="warm"), (ABC,), attempt(A)),
    "it is cold: the others are asked": (WARM, (ABC, cold(A)), Look(among=(B, C), cold=A)),
    "nobody is warm: home": (WARM, (ABC, cold(A), Warm(names=())), attempt(A, bound=4)),
    "a warm one comes first": (WARM, (ABC, cold(A), Warm(names=("c",))), attempt(C, bound=4)),
    "the cold one after it": (WARM, (ABC, cold(A), Warm(names=("c",)), busy(C, 4)), attempt(A, bound=4)),
    "it is busy: the others are asked": (WARM, (ABC, busy(A, 4)), Look(among=(B, C), cold=None)),
    "the last one need not be asked": (
        WARM,
        (Listed(fit=(A, B)), busy(A, 4)),
        attempt(B, bound=4),
    ),
    "who takes the place of one that is gone is asked": (
        WARM,
        (ABC, unreached(A)),
        attempt(B, bound=4, warm_only=True),
    ),
    "once is enough": (WARM, (ABC, busy(A, 4), Warm(names=("c",)), busy(C, 4)), attempt(B, bound=4)),
    "a lost build is not moved": (WARM, (ABC, lost(A), ABC), attempt(A, bound=4)),
    # The line
    "all are busy: the line, in their order": (QUEUE, _ALL_BUSY, Line(bounds=((A, 4), (B, 4), (C, 4)))),
    "only who is busy is waited for": (
        QUEUE,
        (ABC, busy(A, 4), unreached(B), busy(C, 4)),
        Line(bounds=((A, 4), (C, 4))),
    ),
    "who has room is tried": (QUEUE, (*_ALL_BUSY, Room(daemon=C)), attempt(C, bound=4)),
    "somebody was faster: back into the line": (
        QUEUE,
        (*_ALL_BUSY, Room(daemon=C), busy(C, 4)),
        Line(bounds=((A, 4), (B, 4), (C, 4))),
    ),
    "who had room and can't be reached stays in line, behind the others": (
        QUEUE,
        (*_ALL_BUSY, Room(daemon=A), unreached(A)),
        Line(bounds=((B, 4), (C, 4), (A, 4)), pause=True),
    ),
    "the pause is for that alone": (
        QUEUE,
        (*_ALL_BUSY, Room(daemon=A), unreached(A), Room(daemon=B), busy(B, 4)),
        Line(bounds=((B, 4), (C, 4), (A, 4))),
    ),
    "who may not be reached leaves the line": (
        QUEUE,
        (*_ALL_BUSY, Room(daemon=A), unreached(A, forbidden=True)),
        Line(bounds=((B, 4), (C, 4))),
    ),
    "after the time in line who can't be reached no longer counts": (
        QUEUE,
        (*_ALL_BUSY, Room(daemon=A), unreached(A), Room(daemon=None), unreached(B)),
        attempt(C, bound=8),
    ),
    "the time in line is over": (QUEUE, (*_ALL_BUSY, Room(daemon=None)), attempt(B, bound=5)),
    "nobody is busy: no line": (QUEUE, (Listed(fit=(A,)), unreached(A)), End()),
    # Losses
    "lost: the fleet is listed anew": (Policy(), (ABC, lost(A)), Rank()),
    "and the same daemon gets it once more": (Policy(), (ABC, lost(A), Listed(fit=(C, B, A))), attempt(A)),
    "lost twice: the next": (Policy(), (ABC, lost(A), ABC, lost(A), ABC), attempt(B)),
    "one that is gone does not get it once more": (
        Policy(),
        (ABC, lost(A), Listed(fit=(B, C))),
        attempt(B),
    ),
    "a full one is not tried once more": (Policy(), (ABC, full(A), ABC), attempt(B)),
    "who was passed over comes last": (Policy(), (ABC, unreached(A), lost(B), ABC, lost(B), ABC), attempt(C)),
    "no retries": (Policy(retries=0), (ABC, lost(A)), End()),
    "retries are used up": (Policy(retries=1), (ABC, lost(A), ABC, lost(A)), End()),
    "what is not the path's fault ends it after a loss too": (
        Policy(),
        (ABC, lost(A), ABC, Broke(waitable=False)),
        End(),
    ),
    # Patience: a build that somebody had taken is not given up for a moment
    "lost, and nobody can be reached": (
        Policy(),
        (Listed(fit=(A,)), lost(A, NOW - 10), Listed(fit=(A,)), unreached(A)),
        Rank(patience=20.0),
    ),
    "for too long": (
        Policy(),
        (Listed(fit=(A,)), lost(A, NOW - 30), Listed(fit=(A,)), unreached(A)),
        End(),
    ),
    "the API server is gone that listed the fleet a moment ago": (
        Policy(),
        (Listed(fit=(POD, NEIGHBOUR)), no_way(POD, NOW - 10), no_way(NEIGHBOUR, NOW - 9)),
        Rank(patience=20.0),
    ),
    "when it is back, home is the first again": (
        Policy(),
        (Listed(fit=(POD, NEIGHBOUR)), no_way(POD), no_way(NEIGHBOUR), Listed(fit=(POD, NEIGHBOUR))),
        attempt(POD),
    ),
    "while it starts, it forbids what it allows": (
        Policy(),
        (Listed(fit=(POD,)), no_way(POD, NOW - 10), Listed(fit=(POD,)), unreached(POD, forbidden=True)),
        Rank(patience=20.0),
    ),
    "it does not come back": (Policy(), (Listed(fit=(POD,)), no_way(POD, NOW - 30)), End()),
    "a daemon that needs no API server is tried all the same": (
        Policy(),
        (Listed(fit=(POD, A)), no_way(POD)),
        attempt(A),
    ),
    "lost, and nobody is fit": (
        Policy(),
        (ABC, lost(A, NOW - 10), Broke(waitable=True)),
        Rank(patience=20.0),
    ),
}


def course_of(happenings: tuple[Happening, ...]) -> Course:
    course = Course()
    for happening in happenings:
        course = after(course, happening)
    return course


@pytest.mark.parametrize("case", CASES)
def test_what_happened_decides_what_is_next(case: str) -> None:
    policy, happenings, step = CASES[case]

    assert next_step(course_of(happenings), policy, NOW) == step


def test_deciding_changes_nothing() -> None:
    course = course_of(_ALL_BUSY)

    assert next_step(course, QUEUE, NOW) == next_step(course, QUEUE, NOW)


def _outcome(fault: str, step: Try, at: float) -> Tried:
    daemon, bound = step.among[0], step.bound
    match fault:
        case "cold" if step.warm_only:
            return cold(daemon)
        case "lost":
            return lost(daemon, at)
        case "overload":
            return full(daemon, at)
        case "busy" if bound:  # without a bound a daemon is never too busy
            return busy(daemon, bound)
        case _:
            return unreached(daemon)


@given(
    policy=st.builds(
        Policy,
        max_builds=st.integers(0, 3),
        spill=st.sampled_from(["warm", "next"]),
        queue=st.sampled_from([0.0, 9.0]),
        retries=st.integers(0, 3),
    ),
    fit=st.permutations([A, B, C]),
    luck=st.lists(st.sampled_from(["unreached", "busy", "cold", "lost", "overload"]), max_size=200),
    warm=st.sets(st.sampled_from("abc")),
)
def test_every_daemon_is_tried_before_a_build_is_given_up_and_it_ends(
    policy: Policy, fit: list[Daemon], luck: list[str], warm: set[str]
) -> None:
    """Whatever happens: nobody is forgotten in a round that nobody took, and no round goes on for ever."""
    faults = iter(luck)
    course, clock, tried = Course(), NOW, set[str]()
    while not isinstance(step := next_step(course, policy, clock), End):
        clock += 1.0
        match step:
            case Rank():
                tried = set()
                course = after(course, Listed(fit=tuple(fit)))
            case Line():
                course = after(course, Room(daemon=None))
            case Look(among=among):
                assert among
                course = after(course, Warm(names=tuple(warm.intersection(each.name for each in among))))
            case Try(among=among):
                tried.add(among[0].name)
                course = after(course, _outcome(next(faults, "unreached"), step, clock))

    assert course.losses > policy.retries or tried == {"a", "b", "c"}
    assert course.losses <= policy.retries + 1
