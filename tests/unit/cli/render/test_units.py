"""Sizes and durations."""

from __future__ import annotations

import pytest

from cli.render.units import (
    NANOSECONDS,
    format_amount,
    format_bar,
    format_bytes,
    format_log_time,
    format_rate,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0B"),
        (123, "123B"),
        (999, "999B"),
        (1000, "1.00kB"),
        (1234, "1.23kB"),
        (999_999, "1000.00kB"),
        (4_500_000, "4.50MB"),
        (30_000_000_000, "30.00GB"),
        (-1234, "-1.23kB"),
        (10**21, "1000.00EB"),
    ],
)
def test_a_size_is_written_in_decimal_units(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("current", "total", "text"),
    [(0, 0, ""), (31, 0, "31B"), (0, 1000, "0B / 1.00kB"), (1230, 4_500_000, "1.23kB / 4.50MB")],
)
def test_an_amount_leaves_out_what_is_not_known(current: int, total: int, text: str) -> None:
    assert format_amount(current, total) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0.000"), (9_999, "9.999"), (10_000, "10.00"), (123_456, "123.5")]
)
def test_the_time_before_a_log_line_keeps_its_width(milliseconds: int, text: str) -> None:
    assert format_log_time(milliseconds * 1_000_000) == text


@pytest.mark.parametrize(
    ("current", "total", "bar"),
    [
        (0, 10, "[          ]"),
        (1, 10, "[>         ]"),
        (4, 10, "[===>      ]"),
        (9, 10, "[========> ]"),
        (10, 10, "[==========]"),
        (11, 10, "[==========]"),
        (-1, 10, "[          ]"),
        (1, 0, "[          ]"),
    ],
)
def test_a_bar_shows_what_is_done(current: int, total: int, bar: str) -> None:
    assert format_bar(current, total) == bar


@pytest.mark.parametrize(
    ("current", "seconds", "rate"),
    [(3_000_000, 2, "1.50MB/s"), (99_999, 0.1, ""), (10**9, 0.05, ""), (0, 5, ""), (5, 0, "")],
)
def test_a_rate_is_the_average_of_what_has_taken_some_time(current: int, seconds: float, rate: str) -> None:
    assert format_rate(current, int(seconds * NANOSECONDS)) == rate
