"""``--ulimit``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.ulimit import Ulimit, format_ulimit, parse_ulimit, parse_ulimits
from tests.unit.specs.refused import refused


@given(st.integers(0, 10**17), st.integers(0, 10**17), st.booleans())
def test_a_limit_survives_formatting_and_parsing(soft: int, more: int, unlimited: bool) -> None:
    limit = Ulimit(name="nofile", soft=soft, hard=-1 if unlimited else soft + more)

    assert parse_ulimit(format_ulimit(limit)) == limit


def test_one_number_is_both_limits() -> None:
    assert parse_ulimit("nofile=1024") == Ulimit(name="nofile", soft=1024, hard=1024)


def test_minus_one_is_no_limit() -> None:
    assert parse_ulimit("core=-1") == Ulimit(name="core", soft=-1, hard=-1)


def test_limits_are_sorted_and_the_last_counts() -> None:
    limits = parse_ulimits(["nofile=1", "core=0", "nofile=2"])

    assert [format_ulimit(limit) for limit in limits] == ["core=0:0", "nofile=2:2"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nofile", "it is not of the form NAME=SOFT[:HARD]"),
        ("nofile=a", "a limit is a whole number, -1 for none"),
        ("nofile=1:2:3", "a limit is a whole number, -1 for none"),
        ("nofile=2:1", "the soft limit is above the hard one"),
        ("nofile=-1:1", "the soft limit is above the hard one"),
    ],
)
def test_a_wrong_limit_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: parse_ulimit(text))) == f'invalid --ulimit "{text}": {why}'


def test_an_unknown_limit_is_refused() -> None:
    assert "unknown limit files (one of core, cpu" in str(refused(lambda: parse_ulimit("files=1")))
