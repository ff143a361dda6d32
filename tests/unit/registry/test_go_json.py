"""JSON as Go writes it; the vectors are what json.MarshalIndent printed."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from router.registry.go_json import go_json


def test_what_html_takes_for_something_else_is_escaped() -> None:
    assert go_json({"a": "<b> & \u2028\u2029 \u00e4\x01\n"}) == (
        '{\n  "a": "\\u003cb\\u003e \\u0026 \\u2028\\u2029 \u00e4\\u0001\\n"\n}'
    )


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text())))
def test_it_is_read_as_what_was_written(value: dict[str, object]) -> None:
    assert json.loads(go_json(value)) == value
