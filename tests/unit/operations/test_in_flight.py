"""How far a build is, by what its daemon tells."""

from __future__ import annotations

from router.model.events import SolveStatus, Vertex
from router.model.record import BuildRecord
from router.operations.in_flight import InFlight, Steps

RECORD = BuildRecord(ref="r")


def told(*vertexes: Vertex) -> InFlight:
    steps = Steps()
    for vertex in vertexes:
        steps.see(SolveStatus(vertexes=(vertex,)))
    return steps.of(RECORD)


def test_steps_count_as_last_told_and_the_one_begun_last_is_what_runs() -> None:
    waiting = Vertex(digest="c", name="waits")
    build = told(
        Vertex(digest="a", name="load", started=1),
        Vertex(digest="a", name="load", started=1, completed=2),
        Vertex(digest="b", name="compile", started=3),
        Vertex(digest="d", name="test", started=4),
        waiting,
    )
    assert build == InFlight(record=RECORD, done=1, total=4, step="test")


def test_a_build_of_which_nothing_is_known_has_no_step() -> None:
    assert told() == InFlight(record=RECORD)


def test_a_name_without_end_is_shortened() -> None:
    assert len(told(Vertex(digest="a", name="x" * 100_000, started=1)).step) < 1100
