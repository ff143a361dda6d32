"""Spans of time, joined where they overlap."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.intervals import Interval, elapsed, merge_intervals

NOW = 1000


def run(start: int, stop: int | None) -> Interval:
    return Interval(start, stop, start)


@pytest.mark.parametrize(
    ("intervals", "merged"),
    [
        ([], []),
        ([(1, 2), (3, 4)], [(1, 2), (3, 4)]),
        ([(3, 4), (1, 2)], [(1, 2), (3, 4)]),
        ([(1, 2), (2, 4)], [(1, 4)]),
        ([(1, 9), (2, 3)], [(1, 9)]),
        ([(1, 3), (2, None), (7, 8)], [(1, None)]),
        ([(1, 2), (3, None)], [(1, 2), (3, None)]),
    ],
)
def test_intervals_that_touch_are_joined(
    intervals: list[tuple[int, int | None]], merged: list[tuple[int, int | None]]
) -> None:
    found = merge_intervals(run(start, stop) for start, stop in intervals)

    assert [(each.start, each.stop) for each in found] == merged


def test_a_running_interval_is_measured_by_our_own_clock() -> None:
    merged = merge_intervals([Interval(start=10**9, stop=None, seen=NOW - 30)])

    assert elapsed(merged, NOW) == 30


def test_a_running_interval_that_continues_another_is_measured_from_the_start_of_both() -> None:
    merged = merge_intervals([Interval(0, 20, 500), Interval(10, None, 510)])

    assert elapsed(merged, 530) == 30


SPANS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda ends: run(min(ends), max(ends))), max_size=8
)


@given(SPANS)
def test_time_that_overlaps_counts_once(spans: list[Interval]) -> None:
    merged = merge_intervals(spans)

    covered = {tick for span in spans for tick in range(span.start, span.stop or 0)}
    assert elapsed(merged, NOW) == len(covered)
    assert all(first.stop is not None and first.stop < second.start for first, second in pairwise(merged))
