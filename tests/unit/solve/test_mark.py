"""What is left on a build's record, and how it is read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model.mark import BuildMark
from router.solve.mark import mark_attrs, marked, started_by

KEYS = st.text(min_size=1, max_size=50).filter(lambda key: "@" not in key)


@given(
    st.builds(
        BuildMark,
        key=KEYS,
        rule=st.text(max_size=10),
        place=st.integers(0, 99),
        attempt=st.integers(1, 99),
        fleet=st.integers(0, 999),
        by=st.text(max_size=20),
        at=st.integers(0, (1 << 63) - 1),
    )
)
def test_a_mark_is_read_as_it_was_left(mark: BuildMark) -> None:
    assert marked([{"other": "option"}, mark_attrs(mark)]) == mark


def test_a_build_of_somebody_else_has_none() -> None:
    assert marked([{"name": "app"}, {"target": "a", "warmroute.place": "2"}]) is None


def test_a_password_in_a_key_is_not_left() -> None:
    assert (
        mark_attrs(BuildMark(key="https://me:hidden@host/app"))["warmroute.key"] == "https://me:****@host/app"
    )


@pytest.mark.parametrize("place", ["", "-1", "x", "9" * 5000, "²"])
def test_a_number_that_is_none_is_0(place: str) -> None:
    mark = marked([{"warmroute.key": "a", "warmroute.place": place, "warmroute.at": place}])
    assert mark is not None
    assert (mark.place, mark.at) == (0, 0)


@pytest.mark.parametrize(
    ("environment", "who"),
    [
        ({"LOGNAME": "ann", "USER": "root"}, "ann@host"),
        ({"USER": "root"}, "root@host"),
        ({"LOGNAME": ""}, "host"),
    ],
)
def test_who_starts_a_build_is_what_the_environment_says(environment: dict[str, str], who: str) -> None:
    assert started_by(environment, "host") == who
