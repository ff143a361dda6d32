"""How many steps of a build were cached."""

from __future__ import annotations

from router.model.events import ProgressGroup, SolveStatus, Vertex
from router.solve.tally import StepTally

COPY_LINK = ProgressGroup(id="group", name="COPY --link")


def step(
    name: str,
    *,
    cached: bool = False,
    inputs: tuple[str, ...] = ("base",),
    group: ProgressGroup | None = None,
) -> Vertex:
    return Vertex(
        digest=name, name=name, inputs=inputs, cached=cached, started=1, completed=2, progress_group=group
    )


def counts(*vertexes: Vertex) -> tuple[int, int]:
    tally = StepTally()
    for vertex in vertexes:
        tally.see(SolveStatus(vertexes=(vertex,)))
    return tally.counts()


def test_cached_steps_are_counted_among_all() -> None:
    assert counts(step("copy", cached=True), step("run")) == (1, 2)


def test_sources_and_exports_are_no_steps() -> None:
    assert counts(step("load context", inputs=()), step("run", cached=True)) == (1, 1)


def test_a_step_that_has_not_ended_is_none() -> None:
    assert counts(Vertex(digest="run", name="run", inputs=("base",), started=1)) == (0, 0)


def test_what_is_told_last_counts() -> None:
    assert counts(step("run"), step("run", cached=True)) == (1, 1)


def test_a_group_is_one_step_and_cached_when_all_of_it_is() -> None:
    first, second = step("one", cached=True, group=COPY_LINK), step("two", group=COPY_LINK)

    assert counts(first, second) == (0, 1)
    assert counts(first, step("two", cached=True, group=COPY_LINK)) == (1, 1)


def test_a_weak_member_of_a_group_does_not_count() -> None:
    weak = ProgressGroup(id="group", name="merge", weak=True)

    assert counts(step("one", cached=True, group=COPY_LINK), step("merge", group=weak)) == (1, 1)
