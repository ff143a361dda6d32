"""Times in words."""

from __future__ import annotations

import pytest

from cli.render.ago import ago, instant, took

SECOND = 1_000_000_000
HOUR = 3600


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "Less than a second"),
        (0.4, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (HOUR, "About an hour"),
        (2 * HOUR, "2 hours"),
        (47 * HOUR, "47 hours"),
        (48 * HOUR, "2 days"),
        (24 * HOUR * 14, "2 weeks"),
        (24 * HOUR * 60, "2 months"),
        (24 * HOUR * 365 * 3, "3 years"),
    ],
)
def test_how_long_ago_it_was_is_said_as_docker_says_it(seconds: float, text: str) -> None:
    assert ago(int(seconds * SECOND)) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(None, ""), (0, "0.0s"), (4_149_000_000, "4.1s"), (65 * SECOND, "1m  5s"), (3725 * SECOND, "62m  5s")],
)
def test_how_long_it_took_is_said_as_buildx_says_it(nanoseconds: int | None, text: str) -> None:
    assert took(nanoseconds) == text


def test_a_build_that_runs_has_not_taken_all_its_time() -> None:
    assert took(1_500_000_000, running=True) == "1.5s+"


def test_a_time_is_written_in_utc_and_a_wild_one_is_none() -> None:
    assert instant(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456Z"
    assert instant(None) is None
    assert instant(1 << 80) is None
    assert instant(-1) is None
