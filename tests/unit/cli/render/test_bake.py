"""The display of many builds: one stream, with each step under its target's name."""

from __future__ import annotations

import io

from cli.render.bake import BakeDisplay, BakeWhereabouts, summary
from cli.render.plain import PlainRenderer
from router import (
    Attempt,
    BuildError,
    BuildResult,
    Event,
    Notice,
    Place,
    ProgressGroup,
    SolveStatus,
    TargetOutcome,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from router.model.address import TcpAddress

_ADDRESS = TcpAddress(host="127.0.0.1", port=1)


class _Renderer:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def event(self, event: Event) -> None:
        self.events.append(event)

    def hurry(self) -> None:
        """Nobody reads."""

    def close(self, error: BaseException | None, result: BuildResult | None = None) -> None:
        """Nothing is open."""


def _attempt(daemon: str = "d0", *, place: int = 1, reason: str = "", number: int = 1) -> Attempt:
    why = "busy" if place > 1 else ""
    return Attempt(
        number=number,
        daemon=daemon,
        address=_ADDRESS,
        reason=reason,
        place=Place(number=place, home="d9", reason=why),
    )


def _display(*, prefixed: bool = True, brief: bool = False) -> tuple[BakeDisplay, _Renderer, BakeWhereabouts]:
    renderer, whereabouts = _Renderer(), BakeWhereabouts(["api", "web", "db"])
    return (
        BakeDisplay(renderer, whereabouts, prefixed=prefixed, brief=brief, told=True),
        renderer,
        whereabouts,
    )


def _step(name: str) -> SolveStatus:
    return SolveStatus(
        vertexes=(
            Vertex(digest="sha256:1", name=name, inputs=("sha256:0",)),
            Vertex(digest="sha256:2", name="", progress_group=ProgressGroup(id="g", name="[x] copy")),
        ),
        statuses=(VertexStatus(id="s", vertex="sha256:1"),),
        logs=(VertexLog(vertex="sha256:1", data=b"x"),),
        warnings=(VertexWarning(vertex="sha256:1", short=b"w"),),
    )


def test_the_same_step_of_two_targets_is_two_steps() -> None:
    display, renderer, _ = _display()

    display.event("api", _step("[1/2] FROM a"))
    display.event("web", _step("exporting"))

    one, two = renderer.events
    assert isinstance(one, SolveStatus)
    assert isinstance(two, SolveStatus)
    assert (one.vertexes[0].name, two.vertexes[0].name) == ("[api 1/2] FROM a", "[web] exporting")
    group = one.vertexes[1].progress_group
    assert group is not None
    assert group.name == "[api x] copy"
    for status in (one, two):
        digest = status.vertexes[0].digest
        assert digest.startswith("sha256:")
        assert {status.statuses[0].vertex, status.logs[0].vertex, status.warnings[0].vertex} == {digest}
    assert one.vertexes[0].digest != two.vertexes[0].digest
    assert one.vertexes[0].inputs != two.vertexes[0].inputs


def test_a_single_target_is_shown_as_a_build_is() -> None:
    display, renderer, _ = _display(prefixed=False)

    display.event("api", _step("[1/2] FROM a"))
    display.event("api", Notice(level="info", text="told"))

    assert renderer.events == [_step("[1/2] FROM a"), Notice(level="info", text="told")]


def test_it_is_told_where_each_target_runs_as_soon_as_it_does() -> None:
    display, renderer, _ = _display()

    display.event("api", _attempt())
    display.event("web", _attempt("d1", place=2))
    assert renderer.events == []
    display.event("api", SolveStatus())
    display.event("web", SolveStatus())
    display.event("web", SolveStatus())

    assert [each.text for each in renderer.events if isinstance(each, Notice)] == [
        "api: building on d0 (home)",
        "web: building on d1 (2nd choice; home d9: busy)",
    ]


def test_on_a_terminal_the_header_tells_of_daemons_and_only_the_unusual_has_a_line() -> None:
    display, renderer, whereabouts = _display(brief=True)

    for target, attempt in (("api", _attempt()), ("web", _attempt("d1", place=2))):
        display.began(target)
        display.event(target, attempt)
        display.event(target, SolveStatus())
    display.queued(["db"], 2)

    assert whereabouts.label == "1 on d0, 1 on d1, 1 queued"
    assert [each.text for each in renderer.events if isinstance(each, Notice)] == [
        "web: building on d1 (2nd choice; home d9: busy)"
    ]
    display.ended(TargetOutcome(name="api"))
    assert whereabouts.label == "1 on d1, 1 queued"


def test_what_is_told_of_a_target_names_it() -> None:
    display, renderer, _ = _display()

    display.queued(["db"], 2)
    display.event("api", Notice(level="warning", text="odd"))
    display.event("api", _attempt("d1", reason="d0 was lost", number=2))
    display.ended(TargetOutcome(name="api", error=BuildError("broken")))

    told = [each.text if isinstance(each, Notice) else each for each in renderer.events]
    assert told[:2] == ["2 targets at once; queued: db", "api: odd"]
    assert isinstance(told[2], Attempt)
    assert told[2].reason == "api: d0 was lost"
    assert told[3] == "api failed: broken"


def test_targets_that_only_the_cache_keeps_are_told_of_together() -> None:
    display, renderer, _ = _display()
    cache_only = Notice(level="warning", text="only the build cache", reason="cache-only")

    for target in ("web", "api"):
        display.event(target, cache_only)
    display.ended(TargetOutcome(name="web", error=BuildError("broken")))

    assert display.unkept == ["api"]
    assert cache_only not in renderer.events


def test_the_plain_display_shows_steps_under_their_targets() -> None:
    stream = io.StringIO()
    whereabouts = BakeWhereabouts(["api"])
    renderer = PlainRenderer(stream, verbosity=0, whereabouts=whereabouts)
    display = BakeDisplay(renderer, whereabouts, prefixed=True, brief=False)

    display.event("api", _attempt())
    display.event(
        "api", SolveStatus(vertexes=(Vertex(digest="d", name="[1/1] RUN x", started=1, completed=2),))
    )
    renderer.close(None)

    assert "warmroute: api: building on d0 (home)\n" in stream.getvalue()
    assert "[api 1/1] RUN x\n" in stream.getvalue()


def test_the_summary_tells_of_every_target_where_it_was_built_and_how_warm() -> None:
    def result(place: Place, steps: int) -> BuildResult:
        return BuildResult(
            daemon="d0", address=_ADDRESS, ref="r", place=place, steps=steps, cached=1, seconds=1.26
        )

    outcomes = [
        TargetOutcome(name="api", result=result(Place(number=1, home="d0"), 2)),
        TargetOutcome(name="web", result=result(Place(number=2, home="d1", reason="busy"), 0)),
        TargetOutcome(name="old", result=result(Place(number=0), 0)),
        TargetOutcome(name="db", error=BuildError("broken"), seconds=2.0),
        TargetOutcome(name="late", reason="db failed"),
    ]

    assert summary(outcomes, room=None).splitlines() == [
        "TARGET  DAEMON                 HOME           CACHED  SECONDS",
        "api     d0                     yes            1 of 2  1.3",
        "web     d0                     no (d1: busy)  -       1.3",
        "old     d0                     no (fallback)  -       1.3",
        "db      failed                 -              -       2.0",
        "late    not built (db failed)  -              -       -",
    ]
