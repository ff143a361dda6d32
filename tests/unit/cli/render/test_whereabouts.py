"""Where a build is, in words."""

from __future__ import annotations

from typing import Literal

import pytest

from cli.render.whereabouts import Whereabouts, building_on, last_lines
from router.model.address import TcpAddress
from router.model.daemon import Place
from router.model.events import Attempt, Notice
from router.model.frozen import replace
from router.model.miss import Miss
from router.model.result import BuildResult
from tests.unit.cli.render.events import vertex

SECOND = 1_000_000_000
ADDRESS = TcpAddress(host="b.test")
HOME = Place(number=1, home="b")


def attempt(daemon: str = "b", place: Place = HOME) -> Attempt:
    return Attempt(number=1, daemon=daemon, address=ADDRESS, place=place)


def built(place: Place = HOME, *, steps: int = 12, cached: int = 9) -> BuildResult:
    return BuildResult(daemon="b", address=ADDRESS, ref="r", place=place, steps=steps, cached=cached)


def test_a_daemon_that_is_tried_has_the_build_once_it_tells_of_it() -> None:
    whereabouts = Whereabouts()

    assert whereabouts.label == ""
    assert whereabouts.hear(attempt()) is None
    assert whereabouts.label == "trying b (home)"
    assert whereabouts.hear(vertex("one")) == attempt()
    assert whereabouts.label == "b (home)"
    assert whereabouts.hear(vertex("two")) is None


def test_another_attempt_begins_elsewhere() -> None:
    whereabouts = Whereabouts()
    second = attempt("c", Place(number=2, home="b", reason="lost the build"))
    for event in (attempt(), vertex("one"), second):
        whereabouts.hear(event)

    assert whereabouts.label == "trying c (2nd choice)"
    assert whereabouts.hear(vertex("one")) == second


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (Place(number=1, home="b"), "building on b (home)"),
        (Place(number=2, home="a", reason="busy"), "building on b (2nd choice; home a: busy)"),
        (Place(number=3, home="a", reason="cordoned"), "building on b (3rd choice; home a: cordoned)"),
        (Place(number=11, home="a"), "building on b (11th choice)"),
        (Place(number=21, home="a"), "building on b (21st choice)"),
        (Place(number=112, home="a"), "building on b (112th choice)"),
        (Place(number=0), "building on b (fallback)"),
        (Place(number=2, home="a\x1b[2J", reason="\x1b]0;x\x07"), "building on b (2nd choice; home a: )"),
    ],
)
def test_it_says_which_choice_a_daemon_is_and_why(place: Place, said: str) -> None:
    assert building_on(attempt(place=place)) == said


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (built(), "warmroute: built on b (home): 9 of 12 steps cached, 4.1 s"),
        (built(steps=1, cached=1), "warmroute: built on b (home): 1 of 1 step cached, 4.1 s"),
        (
            built(Place(number=2, home="a", reason="busy"), steps=0),
            "warmroute: built on b (2nd choice): 4.1 s",
        ),
        (
            replace(built(), sent=3_200_000, waited=4.04),
            "warmroute: built on b (home): 9 of 12 steps cached, sent 3.20MB, waited 4.0 s, 4.1 s",
        ),
        (
            replace(built(), sent=99_999, waited=0.99),
            "warmroute: built on b (home): 9 of 12 steps cached, 4.1 s",
        ),
        (
            replace(built(steps=0), sent=100_000, waited=1.0),
            "warmroute: built on b (home): sent 100.00kB, waited 1.0 s, 4.1 s",
        ),
    ],
)
def test_the_last_line_says_where_it_was_built_and_how_warm_that_was(result: BuildResult, line: str) -> None:
    assert last_lines(result, int(4.12 * SECOND), cache_only=False) == f"{line}\n"


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (HOME, ""),
        (Place(number=2, home="a"), ""),
        (Place(number=2, home="a", reason="not ready"), " (home a: not ready)"),
    ],
)
def test_a_build_that_is_cold_since_its_home_is_away_says_so(place: Place, why: str) -> None:
    cold = replace(built(place, cached=0), miss=Miss(step="[2/2] COPY . /", reason="first"))

    assert last_lines(cold, SECOND, cache_only=False).splitlines()[1:] == [
        f"warmroute: the first build of this image here, as far as its history tells{why}"
    ]


@pytest.mark.parametrize(
    ("fleet", "why"),
    [
        ("grew", "its home moved from a to b, because the fleet grew"),
        ("shrank", "its home was a before the fleet shrank"),
    ],
)
def test_a_build_that_is_cold_since_its_home_moved_says_from_where(
    fleet: Literal["grew", "shrank"], why: str
) -> None:
    miss = Miss(step="[2/2] COPY . /", reason="first", moved_from="a\x1b[2J", fleet=fleet)

    _, said = last_lines(replace(built(cached=0), miss=miss), SECOND, cache_only=False).splitlines()
    assert said == f"warmroute: the first build of this image here, as far as its history tells ({why})"


def test_it_says_at_the_end_too_that_the_image_is_nowhere_else() -> None:
    whereabouts = Whereabouts()
    whereabouts.hear(Notice(level="warning", text="no output", reason="cache-only"))

    assert last_lines(built(), SECOND, cache_only=whereabouts.cache_only).splitlines()[1:] == [
        "warmroute: no --push, --load or --output: the image stays in the build cache of b"
    ]


def test_without_a_result_there_is_no_last_line() -> None:
    assert last_lines(None, SECOND, cache_only=True) == ""
