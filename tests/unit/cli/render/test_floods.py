"""Displays keep a bounded part of what a daemon tells them, however long it goes on."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cli.render import Renderer
from cli.render.plain import PlainRenderer
from cli.render.printer import PlainPrinter
from cli.render.trace import Trace
from cli.render.tty import open_tty
from cli.render.warnings import Warnings
from router.bounds import MOST_STEPS, MOST_TRANSFERS, MOST_WARNINGS
from router.model.events import (
    ProgressGroup,
    SolveStatus,
    SourceRange,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from router.solve.failure import BuildObserver

FLOOD = 3 * MOST_STEPS


@contextmanager
def at_most(megabytes: float) -> Iterator[None]:
    """Fail where more than so much is kept by the end of the block."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[0] < megabytes * 1_000_000
    finally:
        tracemalloc.stop()


def steps(count: int, **fields: object) -> Iterator[SolveStatus]:
    for number in range(count):
        yield SolveStatus(vertexes=(Vertex(digest=str(number), name=f"RUN {number}", started=1, **fields),))  # type: ignore[arg-type]


def test_steps_beyond_the_bound_are_not_kept() -> None:
    trace = Trace()

    for status in steps(FLOOD):
        trace.update(status, 0)

    assert trace.counts()[1] == MOST_STEPS
    assert trace.find("1") is not None
    assert trace.find(str(FLOOD - 1)) is None


def test_groups_beyond_the_bound_are_not_kept() -> None:
    trace = Trace()

    for number in range(MOST_STEPS):
        group = ProgressGroup(id=f"g{number}", name="group")
        vertex = Vertex(digest=f"d{number}", name="", progress_group=group)
        trace.update(SolveStatus(vertexes=(vertex,)), 0)

    assert trace.find("d1") is trace.find("g1") is not None
    assert trace.find(f"g{MOST_STEPS - 1}") is trace.find(f"d{MOST_STEPS - 1}") is None


def test_a_group_has_a_bounded_number_of_members() -> None:
    trace = Trace()

    for status in steps(3000, progress_group=ProgressGroup(id="g", name="group")):
        trace.update(status, 0)

    assert trace.find("1") is trace.find("g") is not None
    assert trace.find("2999") is None


def test_transfers_beyond_the_bound_are_not_kept() -> None:
    trace = Trace()
    trace.update(SolveStatus(vertexes=(Vertex(digest="d", name="pull", started=1),)), 0)

    for number in range(2 * MOST_TRANSFERS):
        trace.update(SolveStatus(statuses=(VertexStatus(id=str(number), vertex="d", started=1),)), 0)

    step = trace.find("d")
    assert step is not None
    assert len(step.transfers) == MOST_TRANSFERS


def test_long_names_and_errors_lose_their_middle() -> None:
    trace = Trace()
    vertex = Vertex(digest="d", name="n" * 10_000_000, started=1, error="e" * 10_000_000 + "context canceled")

    trace.update(SolveStatus(vertexes=(vertex,)), 0)

    step = trace.find("d")
    assert step is not None
    assert step.canceled
    assert len(step.name) <= 1000
    assert len(step.error) <= 4000


def test_warnings_are_bounded_and_share_their_source() -> None:
    warnings = Warnings()
    source = b"FROM scratch\n" * 10_000

    with at_most(30):
        for number in range(2 * MOST_WARNINGS):
            copy = bytes(bytearray(source))
            warning = VertexWarning(
                vertex=str(number),
                short=b"%d" % number,
                source_data=copy,
                ranges=(SourceRange(start_line=1, end_line=1),),
            )
            warnings.add([warning])

    kept = list(warnings)
    assert len(kept) == MOST_WARNINGS
    assert not warnings.whole
    assert len({id(warning.source_data) for warning in kept}) == 1


def test_what_steps_write_while_another_is_shown_is_bounded() -> None:
    printer = PlainPrinter()
    for status in steps(100):
        printer.apply(status, 0)
    printer.take(0)

    with at_most(60):
        for number in range(300):
            data = b"x" * 1_000_000 + b"\n"
            printer.apply(
                SolveStatus(logs=(VertexLog(vertex=str(number % 100), data=data, timestamp=1),)), 0.1
            )
            printer.take(0.1)


def test_what_hidden_steps_write_is_bounded() -> None:
    printer = PlainPrinter()
    group = ProgressGroup(id="g", name="group", weak=True)
    vertex = Vertex(digest="d", name="x", started=1, progress_group=group)
    printer.apply(SolveStatus(vertexes=(vertex,)), 0)

    with at_most(40):
        for _ in range(100):
            data = b"x" * 1_000_000 + b"\n"
            printer.apply(SolveStatus(logs=(VertexLog(vertex="d", data=data, timestamp=1),)), 0)
            printer.take(0)


@pytest.mark.parametrize("display", ["plain", "tty"])
def test_a_display_of_a_flood_keeps_little(display: str) -> None:
    stream = io.StringIO()
    renderer: Renderer = (
        PlainRenderer(stream, verbosity=0)
        if display == "plain"
        else open_tty(stream, environment={}, verbosity=0)
    )
    with at_most(60):
        for number in range(2000):
            vertex = Vertex(digest=str(number), name="RUN " + "x" * 100_000, started=1)
            renderer.event(SolveStatus(vertexes=(vertex,)))
            log = VertexLog(vertex=str(number), data=b"y" * 50_000, timestamp=1)
            renderer.event(SolveStatus(logs=(log,)))
            stream.seek(0)
            stream.truncate()
    renderer.close(None)


def test_what_may_explain_a_failure_is_bounded() -> None:
    observer = BuildObserver()

    with at_most(120):
        for number in range(3000):
            log = VertexLog(vertex=str(number), data=b"z" * 200_000, timestamp=1)
            failed = Vertex(
                digest=str(number), name="n" * 200_000, error="e" * 200_000, started=1, completed=2
            )
            observer.see(SolveStatus(logs=(log,), vertexes=(failed,)))
