from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.json_shape import ANY, Shape, shaped

_SHAPE: Shape = {
    "name": str,
    "count": int,
    "on": bool,
    "tags": [str],
    "by": {ANY: {"id": int}},
    "raw": object,
}


def test_what_fits_is_kept_and_nothing_else() -> None:
    value = {
        "name": "a",
        "count": 1,
        "on": True,
        "tags": ["x", 1, None, "y"],
        "by": {"k": {"id": 1, "other": 2}, "l": 3},
        "raw": [1],
        "unknown": "z",
    }

    assert shaped(value, _SHAPE) == {
        "name": "a",
        "count": 1,
        "on": True,
        "tags": ["x", "y"],
        "by": {"k": {"id": 1}},
        "raw": [1],
    }


@pytest.mark.parametrize(
    "value", [{"name": 1}, {"name": None}, {"count": True}, {"tags": {}}, {"by": []}, {}]
)
def test_what_has_another_type_is_as_if_it_had_not_been_sent(value: object) -> None:
    assert shaped(value, _SHAPE) == {}


@pytest.mark.parametrize("value", [None, 1, "x", [], [{}]])
def test_what_is_no_object_is_nothing(value: object) -> None:
    assert shaped(value, _SHAPE) is None


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "count", "by"]), inner)
    ),
    max_leaves=10,
)


@given(_ANYTHING)
def test_what_was_shaped_keeps_its_shape(value: object) -> None:
    once = shaped(value, _SHAPE)

    assert shaped(once, _SHAPE) == once
