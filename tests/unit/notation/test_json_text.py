"""JSON edited as text: what isn't meant stays byte for byte as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.notation.json_text import members_at, root_of, with_member, without_member

DOCKER = '{\n\t"auths": {\n\t\t"a.test": {\n\t\t\t"auth": "eDp5"\n\t\t}\n\t},\n\t"credsStore": "pass"\n}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            DOCKER,
            DOCKER.removesuffix("\n}") + ',\n\t"aliases": {\n\t\t"builder": "x"\n\t}\n}',
        ),
        ("{}", '{"aliases": {"builder": "x"}}'),
        ("{}\n", '{"aliases": {"builder": "x"}}\n'),
        (" {\n}\n", ' {\n\t"aliases": {\n\t\t"builder": "x"\n\t}\n}\n'),
        ('{"a":1,"b":[]}', '{"a":1,"b":[],"aliases": {"builder": "x"}}'),
        ('{ "a": 1 }', '{ "a": 1, "aliases": {"builder": "x"} }'),
        ('{\r\n  "a": 1\r\n}', '{\r\n  "a": 1,\r\n  "aliases": {\r\n    "builder": "x"\r\n  }\r\n}'),
        ('{\n\n  "a": 1\n}', '{\n\n  "a": 1,\n\n  "aliases": {\n    "builder": "x"\n  }\n}'),
    ],
)
def test_a_new_member_is_set_out_as_the_others_are_and_leaves_no_trace(before: str, after: str) -> None:
    assert with_member(before, root_of(before), "aliases", {"builder": "x"}) == after
    assert without_member(after, root_of(after), "aliases") == before


def test_a_value_is_replaced_where_it_stands() -> None:
    text = '{"z": 1e3, "aliases" : {\n "builder":\t"buildx" , "other": {}}, "a": "\\u00e9}"}'
    aliases = members_at(text, root_of(text))[1]

    changed = with_member(text, aliases.value, "builder", "x")

    assert changed == text.replace('"buildx"', '"x"')


@pytest.mark.parametrize(
    ("key", "after"),
    [
        ("a", '{ "b": "},{", "c": [1, {"d": "]"}] }'),
        ("b", '{ "a": -1.5e3, "c": [1, {"d": "]"}] }'),
        ("c", '{ "a": -1.5e3, "b": "},{" }'),
    ],
)
def test_a_member_is_removed_with_the_comma_that_is_too_many(key: str, after: str) -> None:
    text = '{ "a": -1.5e3, "b": "},{", "c": [1, {"d": "]"}] }'

    assert without_member(text, root_of(text), key) == after


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(st.text(), _VALUES, max_size=5)


@given(
    _OBJECTS,
    st.sampled_from([None, 0, 2, "\t"]),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]),
    st.booleans(),
)
def test_adding_a_member_and_removing_it_gives_the_same_text(
    value: dict[str, Any], indent: int | str | None, separators: tuple[str, str], ascii_only: bool
) -> None:
    value.pop("aliases", None)
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=ascii_only)

    added = with_member(text, root_of(text), "aliases", {"builder": "x"})

    assert json.loads(added) == {**value, "aliases": {"builder": "x"}}
    assert [member.key for member in members_at(added, root_of(added))] == [*value, "aliases"]
    assert without_member(added, root_of(added), "aliases") == text
