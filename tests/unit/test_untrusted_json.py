from __future__ import annotations

import json
import traceback
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.untrusted_json import (
    NotJSONError,
    elements,
    integer,
    member,
    members,
    read_first_json,
    read_json,
    text,
)

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(1 << 63), max_value=(1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(_VALUES)
def test_what_json_writes_is_read_as_it_was(value: object) -> None:
    assert read_json(json.dumps(value)) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200) | st.text(st.characters(), max_size=200))
def test_anything_is_a_value_that_can_be_written_or_the_one_error(source: bytes | str) -> None:
    try:
        value = read_json(source)
    except NotJSONError:
        return
    json.dumps(value, allow_nan=False).encode()
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"", "is not valid JSON (line 1, column 1)"),
        (b'{"a":\n 1,}', "is not valid JSON (line 2, column 4)"),
        (b"{} {}", "is not valid JSON (line 1, column 4)"),
        (b"\xef\xbb\xbf{}", "is not valid JSON (line 1, column 1)"),
        ("{}".encode("utf-16"), "is not valid JSON (line 1, column 1)"),
        (b"[" * 100_000, "is nested too deeply: 128 levels are read at most"),
        (b"[" * 129 + b"]" * 129, "is nested too deeply: 128 levels are read at most"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "is nested too deeply: 128 levels are read at most"),
        (b"1e999", "holds a number that is out of range"),
        (b"-" + b"9" * 5000, "holds a number that is out of range"),
        (b"[NaN]", "is not valid JSON: NaN is not a number"),
        (b"-Infinity", "is not valid JSON: -Infinity is not a number"),
    ],
)
def test_what_is_refused_is_refused_with_the_place_or_the_reason(source: bytes, why: str) -> None:
    with pytest.raises(NotJSONError) as raised:
        read_json(source)

    assert str(raised.value) == why


@pytest.mark.parametrize(
    ("source", "value", "more"),
    [
        (b' {"a": 1} }', {"a": 1}, True),
        (b'{"a": 1}{"a": 2}', {"a": 1}, True),
        (b'\n{"a": 1}\r\n\t ', {"a": 1}, False),
        (b"null x", None, True),
    ],
)
def test_the_first_value_can_be_read_alone(source: bytes, value: object, more: bool) -> None:
    assert read_first_json(source) == (value, more)


@pytest.mark.parametrize("source", [b"", b" ", b"} {}", b"[" * 200 + b"]" * 200 + b"x", b'{"a": NaN} x'])
def test_the_first_value_alone_must_be_one_too(source: bytes) -> None:
    with pytest.raises(NotJSONError):
        read_first_json(source)


def test_128_levels_are_read() -> None:
    assert read_json(b"[" * 128 + b"]" * 128) is not None


def test_brackets_within_strings_are_no_levels() -> None:
    assert read_json(json.dumps("[{" * 1000)) == "[{" * 1000


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (rb'"\ud800"', "\ufffd"),
        (rb'"\uDC00x"', "\ufffdx"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\\ud800"', r"\ud800"),
        (b'"\xff"', "\ufffd"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        ('"\udc80"', "\ufffd"),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"18446744073709551615", 18446744073709551615),
        (b"18446744073709551616", 18446744073709551616.0),
    ],
)
def test_what_go_reads_is_read_with_its_meaning(source: bytes | str, value: object) -> None:
    found = read_json(source)

    assert found == value
    assert type(found) is type(value)


def test_more_than_is_allowed_is_not_looked_at() -> None:
    with pytest.raises(NotJSONError, match="is too large: 11 bytes, where 10 are read at most"):
        read_json(b'"' + b"x" * 9 + b'"', most=10)


def test_an_error_keeps_nothing_of_the_text() -> None:
    source = '{"password": "hunter2", }'

    with pytest.raises(NotJSONError) as raised:
        read_json(source)

    assert raised.value.__cause__ is None
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    ("part", "peak"), [(b'"ab",', 15), (b"1.5,", 15), (b'{"a":[]},', 40), (b"[],", 40), (b"100,", 15)]
)
def test_a_value_takes_a_bounded_multiple_of_its_text(part: bytes, peak: int) -> None:
    source = b"[" + part * 100_000 + b"0]"

    tracemalloc.start()
    try:
        read_json(source)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert taken < peak * len(source)


def test_more_containers_than_memory_is_meant_for_are_refused() -> None:
    with pytest.raises(NotJSONError, match="has more than 1048576 arrays and objects"):
        read_json(b"[" + b"[]," * (1 << 20) + b"0]")


def test_a_path_leads_to_what_is_there_and_to_nothing_past_a_wrong_type() -> None:
    value = read_json('{"a": {"b": ["x"], "n": 1, "t": true, "s": "y"}, "l": 3}')

    assert member(value, "a", "b") == ["x"]
    assert [member(value, *path) for path in (("a", "b", "c"), ("l", "x"), ("none",))] == [None] * 3
    assert text(value, "a", "s") == "y"
    assert text(value, "a", "n") == ""
    assert integer(value, "a", "n") == 1
    assert integer(value, "a", "t") is None
    assert elements(value, "a", "b") == ["x"]
    assert list(elements(value, "a")) == []
    assert members(value, "a")["n"] == 1
    assert dict(members(value, "l")) == {}
