"""Sizes and durations."""

from __future__ import annotations

import pytest

from cli.render.units import format_amount, format_bytes, format_log_time


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
