"""Durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.notation.duration import format_duration, parse_duration
from router.notation.flag import Flag
from tests.processor import processor_seconds
from tests.unit.specs.refused import refused

_FLAG = Flag(name="--connect-timeout", example="10s")


@given(st.integers(min_value=0, max_value=10**15))
def test_a_duration_survives_formatting_and_parsing(nanoseconds: int) -> None:
    seconds = nanoseconds / 10**9

    assert parse_duration(format_duration(seconds), _FLAG) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("0s", 0), ("10s", 10), ("1m30s", 90), ("1h", 3600), ("500ms", 0.5), ("1.5h", 5400)],
)
def test_a_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert parse_duration(text, _FLAG) == seconds


@pytest.mark.parametrize("text", ["", "5", "0.5", "00", "-1s", "1x", "s", "1s 2s", "1s2", "nan", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    error = refused(lambda: parse_duration(text, _FLAG))

    assert str(error).startswith(f'invalid --connect-timeout "{text}": a duration is a number with a unit')


@pytest.mark.parametrize("text", ["1" * 60_000 + "x", "1.5" * 20_000, "1m" * 30_000 + "x"])
def test_a_long_text_is_refused_in_time(text: str) -> None:
    assert processor_seconds(lambda: refused(lambda: parse_duration(text, _FLAG)), enough=0.5) < 0.5
