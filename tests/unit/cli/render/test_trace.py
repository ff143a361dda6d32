"""Which steps there are, and what became of them."""

from __future__ import annotations

from cli.render.intervals import elapsed
from cli.render.trace import Trace
from router.model.events import ProgressGroup, SolveStatus
from tests.unit.cli.render.events import SECOND, transfer, vertex, warning

STRONG = ProgressGroup(id="g", name="group")
WEAK = ProgressGroup(id="g", name="group", weak=True)


def traced(*messages: SolveStatus) -> Trace:
    trace = Trace()
    for second, message in enumerate(messages):
        trace.update(message, second * SECOND)
    return trace


def shown(trace: Trace) -> list[str]:
    return [step.name for step in trace.shown]


def test_a_vertex_that_has_not_started_is_counted_but_not_shown() -> None:
    trace = traced(vertex("a"))

    assert shown(trace) == []
    assert trace.counts() == (0, 1)


def test_steps_are_shown_in_the_order_in_which_they_start() -> None:
    trace = traced(vertex("a"), vertex("b", 0), vertex("a", 1))

    assert shown(trace) == ["b", "a"]


def test_a_step_that_is_told_again_without_times_keeps_them() -> None:
    trace = traced(vertex("a", 0, 2), vertex("a"))

    assert trace.shown[0].completed


def test_a_step_that_runs_twice_takes_the_time_of_both_runs() -> None:
    trace = traced(vertex("a", 0, 2), vertex("a", 5, 6))

    assert elapsed(trace.shown[0].merged, 0) == 3 * SECOND


def test_a_step_that_never_ended_and_starts_again_elsewhere_can_end() -> None:
    trace = traced(vertex("a", 0), vertex("a", 10), vertex("a", 10, 12))

    assert trace.shown[0].completed
    assert elapsed(trace.shown[0].merged, 0) == 2 * SECOND


def test_the_same_news_twice_changes_nothing() -> None:
    trace = traced(vertex("a", 0))

    assert trace.update(vertex("a", 0), SECOND) == []


def test_vertexes_of_a_group_are_one_step() -> None:
    trace = Trace()
    for name in ("a", "b"):
        trace.update(vertex(name, 0, 1, group=STRONG), 0)

    assert shown(trace) == ["group"]
    assert trace.counts() == (1, 1)
    assert trace.find("a") is trace.find("b")


def test_a_group_runs_until_its_last_vertex_ends() -> None:
    trace = traced(vertex("a", 0, 1, group=STRONG), vertex("b", 1, group=STRONG))

    assert not trace.shown[0].completed


def test_a_group_of_weak_vertexes_is_hidden() -> None:
    trace = traced(vertex("a", 0, 1, group=WEAK))

    assert shown(trace) == []
    assert trace.counts() == (0, 0)


def test_a_weak_group_that_fails_is_shown() -> None:
    trace = traced(vertex("a", 0, 1, group=WEAK, error="broken"))

    assert shown(trace) == ["group"]


def test_a_group_is_cached_when_all_of_it_is() -> None:
    trace = traced(vertex("a", 0, 1, cached=True, group=STRONG))
    assert trace.shown[0].cached

    trace.update(vertex("b", 1, 2, group=STRONG), 0)
    assert not trace.shown[0].cached


def test_a_transfer_keeps_the_time_when_it_was_first_told() -> None:
    trace = traced(vertex("a", 0), transfer("a", "t", current=1), transfer("a", "t", current=2))

    told = trace.shown[0].transfers["t"]
    assert (told.seen, told.status.current) == (SECOND, 2)


def test_news_of_a_vertex_nobody_told_about_is_ignored() -> None:
    trace = traced(transfer("?", "t"), warning("?", "w"))

    assert trace.counts() == (0, 0)
