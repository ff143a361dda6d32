"""One line of comma-separated values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.notation.csv import format_fields, format_pairs, parse_fields, parse_pairs
from router.notation.flag import Flag
from tests.unit.specs.refused import refused

_FLAG = Flag(name="--flag", example="key=value")


@given(st.lists(st.text(), min_size=1))
def test_fields_survive_formatting_and_parsing(fields: list[str]) -> None:
    assert parse_fields(format_fields(fields), _FLAG) == tuple(fields)


@given(st.text(alphabet='a,"\n\r= '))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        fields = parse_fields(text, _FLAG)
    except UsageError:
        return
    assert parse_fields(format_fields(fields), _FLAG) == fields


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a , b ", [" a ", " b "]),
        ("a,,", ["a", "", ""]),
        (",", ["", ""]),
        ('""', [""]),
        ('"a,b",c', ["a,b", "c"]),
        ('"a ""b"""', ['a "b"']),
        ('a,"b\nc"', ["a", "b\nc"]),
        ("a\n", ["a"]),
        ("a\r\n", ["a"]),
        ("a\nb\n", ["a\nb"]),
    ],
)
def test_fields_are_split_at_commas_outside_of_quotes(text: str, fields: list[str]) -> None:
    assert list(parse_fields(text, _FLAG)) == fields


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("\n", "it is empty"),
        ('a"b', 'a quote (") inside an unquoted field'),
        ('a,b"', 'a quote (") inside an unquoted field'),
        ('"a', 'a quoted field must end with a quote, with quotes inside it doubled ("")'),
        ('"a"b', 'a quoted field must end with a quote, with quotes inside it doubled ("")'),
    ],
)
def test_wrong_quotes_are_refused(text: str, why: str) -> None:
    error = refused(lambda: parse_fields(text, _FLAG))

    assert str(error) == f'invalid --flag "{text}": {why}'
    assert error.hint == "for example: --flag key=value"


def test_keys_come_in_lower_case_without_blanks() -> None:
    assert parse_pairs("Type=Local, DEST = out ", _FLAG) == (("type", "Local"), ("dest", " out "))


def test_a_value_may_hold_equals_signs() -> None:
    assert parse_pairs("a=b=c", _FLAG) == (("a", "b=c"),)


def test_a_field_without_an_equals_sign_is_refused() -> None:
    error = refused(lambda: parse_pairs("a=1,b", _FLAG))

    assert str(error) == 'invalid --flag "a=1,b": field "b" is not of the form key=value'


def test_a_secret_flag_repeats_nothing() -> None:
    error = refused(lambda: parse_pairs("a=1,hunter2", Flag(name="--flag", example="a=1", secret=True)))

    assert str(error) == "invalid --flag: field 2 is not of the form key=value"


def test_pairs_are_quoted_where_needed() -> None:
    assert format_pairs({"type": "image", "name": "a,b"}) == 'type=image,"name=a,b"'
