"""Lines of docker's plain progress become events."""

from __future__ import annotations

from itertools import count

import pytest

from router.backends.docker_plain import PlainParser
from router.model.events import SolveStatus, Vertex, VertexLog


def parser() -> PlainParser:
    """Return a parser whose clock ticks 1, 2, 3 ..."""
    return PlainParser(count(1).__next__)


def parse(*lines: str) -> list[SolveStatus | None]:
    reader = parser()
    return [reader(line.encode()) for line in lines]


def test_the_first_line_of_a_number_starts_a_step() -> None:
    assert parse("#4 [2/3] COPY a b") == [
        SolveStatus(vertexes=(Vertex(digest="#4", name="[2/3] COPY a b", started=1),))
    ]


@pytest.mark.parametrize(
    ("line", "cached", "error"),
    [
        ("#4 DONE 0.2s", False, ""),
        ("#4 DONE", False, ""),
        ("#4 CACHED", True, ""),
        ("#4 CANCELED", False, "context canceled"),
        ("#4 ERROR: exit code: 1", False, "exit code: 1"),
        ("#4 ERROR", False, ""),
    ],
)
def test_a_step_ends(line: str, cached: bool, error: str) -> None:
    assert parse("#4 RUN x", line)[1] == SolveStatus(
        vertexes=(Vertex(digest="#4", name="RUN x", started=1, completed=2, cached=cached, error=error),)
    )


@pytest.mark.parametrize(
    ("line", "data"),
    [
        ("#4 0.123 said  so", b"said  so\n"),
        ("#4 12.3 ", b"\n"),
        ("#4 transferring context: 2B done", b"transferring context: 2B done\n"),
        ("#4 DONE and dusted", b"DONE and dusted\n"),
    ],
)
def test_all_else_is_output_of_the_step(line: str, data: bytes) -> None:
    assert parse("#4 RUN x", line)[1] == SolveStatus(logs=(VertexLog(vertex="#4", data=data, timestamp=2),))


@pytest.mark.parametrize(
    "line",
    [
        "#4 RUN x",
        "#4 ...",
        f"#4 sha256:{'a' * 64}",
        '#0 building with "default" instance using docker driver',
        "",
    ],
)
def test_what_repeats_or_decorates_tells_nothing(line: str) -> None:
    assert parse("#4 RUN x", line)[1] == SolveStatus()


def test_the_summary_of_a_failure_is_no_progress() -> None:
    assert parse("#4 RUN x", "------", " > RUN x:", "#4 0.1 said", "------", "error: x")[1:] == [None] * 5


def test_a_line_without_a_number_is_no_progress() -> None:
    assert parse("ERROR: failed to solve: x") == [None]
