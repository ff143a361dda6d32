"""Keys in whatever case, as Go's encoding/json finds its fields."""

from __future__ import annotations

import pytest

from router.notation.go_names import go_fields, near_misses


@pytest.mark.parametrize(
    ("found", "fields"),
    [
        ({"Host": 1}, {"Host": 1}),
        ({"HOST": 1}, {"Host": 1}),
        ({"Host": 1, "host": 2}, {"Host": 2}),
        ({"host": 1, "Host": 2}, {"Host": 2}),
        ({"ho\u017ft": 1}, {"Host": 1}),  # one character for one: the long s is an s
        ({"Hoßt": 1}, {}),
        ({"Host": {"a": 1, "b": 1}, "host": {"b": 2}}, {"Host": {"a": 1, "b": 2}}),
        ({"Host": "x", "host": None}, {"Host": "x"}),
        ({"Host": {"a": 1}, "host": None}, {"Host": None}),
        ({"other": 1}, {}),
    ],
)
def test_a_member_belongs_to_the_field_of_its_name_in_any_case(
    found: dict[str, object], fields: dict[str, object]
) -> None:
    assert go_fields(found, ("Host", "SkipTLSVerify")) == fields


def test_what_is_nearly_a_name_is_told_with_it() -> None:
    names = ("credsStore", "auths")

    assert near_misses(["credStore", "AUTHS", "plugins", "x" * 100_000], names) == [
        ("credStore", "credsStore")
    ]
