"""A build among linked ones: what is told of it, over all its tries."""

from __future__ import annotations

from router.baking.member import Member
from router.baking.requests import BakeBuild
from router.build import Ready
from router.model.address import TcpAddress
from router.model.daemon import Daemon, Place
from router.model.events import Attempt, Event, Notice, SolveStatus, Vertex, VertexLog, VertexStatus
from router.model.request import BuildRequest, Output
from router.model.result import BuildResult
from router.once import OneTimeFiles
from router.placement.key import Key
from tests.unit.prepared import prepared

_ADDRESS = TcpAddress(host="127.0.0.1", port=1)
_DAEMON = Daemon(name="d0", address=_ADDRESS)
_ATTEMPT = Attempt(number=1, daemon="d0", address=_ADDRESS, place=Place(number=2, home="d1", reason="busy"))


def _member(request: BuildRequest | None = None) -> tuple[Member, list[Event]]:
    heard: list[Event] = []
    request = request or BuildRequest(outputs=(Output(type="cacheonly"),))
    build = BakeBuild(name="web", request=request, key=Key(key="k", rule="tag"), links={})
    ready = Ready(build=prepared(request), files=OneTimeFiles(), key=build.key, context_id="")
    return Member(build, ready, heard.append), heard


def _step(digest: str, *, completed: int | None = None, cached: bool = False) -> Vertex:
    return Vertex(
        digest=digest,
        name=f"[1/1] RUN {digest}",
        inputs=("i",),
        started=1,
        completed=completed,
        cached=cached,
    )


def test_the_steps_of_what_it_uses_are_not_told_as_its_own() -> None:
    member, heard = _member()
    member.begins(_ATTEMPT, _DAEMON, lambda step: step == "base")

    member.hear(
        SolveStatus(
            vertexes=(_step("base"), _step("own")),
            statuses=(VertexStatus(id="s", vertex="base"),),
            logs=(VertexLog(vertex="base", data=b"x"), VertexLog(vertex="own", data=b"y")),
        )
    )
    member.hear(SolveStatus(logs=(VertexLog(vertex="base", data=b"x"),)))

    assert heard == [
        _ATTEMPT,
        SolveStatus(vertexes=(_step("own"),), logs=(VertexLog(vertex="own", data=b"y"),)),
    ]


def test_its_result_says_where_it_was_built_and_how_warm_for_its_own_steps() -> None:
    member, _ = _member()
    member.begins(_ATTEMPT, _DAEMON, lambda step: step == "base")
    member.hear(
        SolveStatus(
            vertexes=(
                _step("base", completed=2),
                _step("one", completed=2, cached=True),
                _step("two", completed=2),
            )
        )
    )

    result = member.result(BuildResult(daemon="d0", address=_ADDRESS, ref="r"), _ATTEMPT)

    assert (result.cached, result.steps, result.place, result.key, result.rule) == (
        1,
        2,
        _ATTEMPT.place,
        "k",
        "tag",
    )


def test_what_ran_is_told_to_be_lost_with_its_daemon() -> None:
    member, heard = _member()
    member.begins(_ATTEMPT, _DAEMON, lambda _: False)
    member.hear(SolveStatus(vertexes=(_step("one"), _step("two", completed=2))))

    member.lost()
    member.lost()

    (last,) = heard[2:]
    assert isinstance(last, SolveStatus)
    assert [(each.digest, each.error.endswith("context canceled")) for each in last.vertexes] == [
        ("one", True)
    ]


def test_a_build_of_which_only_the_cache_keeps_something_is_told_so() -> None:
    member, heard = _member(BuildRequest())

    member.begins(_ATTEMPT, _DAEMON, lambda _: False)

    assert isinstance(heard[1], Notice)
    assert heard[1].reason == "cache-only"
