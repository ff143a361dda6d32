"""Where in a source something is wrong, however much of it a daemon calls wrong."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model.events import SourceRange
from router.model.source import excerpt, source_lines

LINES = [f"RUN {number}" for number in range(1, 10)]


def marked(text: str) -> list[int]:
    return [int(line.split()[0]) for line in text.splitlines() if " | >>> " in line]


def shown(text: str) -> list[int]:
    return [int(line.split()[0]) for line in text.splitlines() if " | " in line]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(-3, 12)), min_size=1, max_size=5))
def test_a_line_is_marked_if_any_range_has_it(places: list[tuple[int, int]]) -> None:
    ranges = [SourceRange(start_line=start, end_line=start + length) for start, length in places]

    text = excerpt("Dockerfile", LINES, ranges)

    inside = {line for start, length in places for line in range(start, start + length + 1)}
    assert marked(text) == [line for line in shown(text) if line in inside]


def test_lines_times_ranges_is_not_what_it_takes() -> None:
    lines = ["x"] * 200_000
    ranges = [SourceRange(start_line=1, end_line=200_000)] * 20_000
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        text = excerpt("Dockerfile", lines, ranges)
    finally:
        sys.setprofile(None)

    assert steps < 20 * len(ranges)
    assert len(shown(text)) == 500
    assert " ... 199500 lines more\n" in text


def test_a_line_without_end_is_cut() -> None:
    text = excerpt("f", ["x" * 100_000], [SourceRange(start_line=1, end_line=1)])

    assert len(text) < 2000


@pytest.mark.parametrize(
    ("data", "lines"), [(b"", []), (b"a\r\nb\n", ["a", "b", ""]), (b"a\x0bb\xff", ["a\x0bb\ufffd"])]
)
def test_lines_end_where_the_parser_ends_them(data: bytes, lines: list[str]) -> None:
    assert source_lines(data) == lines
