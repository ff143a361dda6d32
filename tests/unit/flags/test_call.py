"""``--call``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.call import Call, format_call, parse_call
from tests.unit.specs.refused import refused


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("", Call()),
        ("build", Call()),
        ("check", Call(method="check")),
        ("lint", Call(method="check")),
        ("subrequests.describe", Call(method="subrequests.describe")),
        ("outline,format=json", Call(method="outline", format="json")),
        ("format=json,targets", Call(method="targets", format="json")),
        ("check,ignorestatus=1,format=text", Call(method="check", ignore_status=True)),
        ("check,ignorestatus=true,ignorestatus=false", Call(method="check")),
    ],
)
def test_a_method_and_what_becomes_of_its_answer(text: str, call: Call) -> None:
    assert parse_call(text) == call


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("check,outline", "it takes one method, then format= and ignorestatus="),
        ("check,colour=red", "it takes one method, then format= and ignorestatus="),
        ("format=json", "the method is missing"),
        ("check,format=xml", "format must be text or json"),
        (".", "its value is a path, not a method"),
        ("check,ignorestatus=maybe", "ignorestatus must be true or false"),
    ],
)
def test_what_cannot_be_understood_is_refused(text: str, why: str) -> None:
    error = refused(lambda: parse_call(text))

    assert str(error) == f'invalid --call "{text}": {why}'


@given(
    st.builds(
        Call,
        method=st.text(st.characters(exclude_characters="=./~"), min_size=1).filter(
            lambda name: name != "lint"
        ),
        format=st.sampled_from(["text", "json"]),
        ignore_status=st.booleans(),
    )
)
def test_a_call_survives_formatting_and_parsing(call: Call) -> None:
    assert parse_call(format_call(call)) == call
