"""Options that take ``NAME=VALUE`` for Kubernetes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.flags.pairs import format_pairs, parse_pairs, parse_quantities
from router.notation.flag import Flag

FLAG = Flag(name="--annotation", example="a=b")
_NAMES = st.from_regex(r"[a-z][a-z0-9./-]{0,20}", fullmatch=True)


@given(st.dictionaries(_NAMES, st.text(st.characters(exclude_characters="\n"), max_size=20).map(str.strip)))
def test_values_survive_formatting_and_parsing(values: dict[str, str]) -> None:
    assert parse_pairs(format_pairs(values), FLAG) == values


def test_a_comma_belongs_to_a_value_unless_it_separates() -> None:
    text = "warmroute.dev/platforms=linux/amd64,linux/arm64"

    assert parse_pairs([text], FLAG) == {"warmroute.dev/platforms": "linux/amd64,linux/arm64"}
    assert parse_pairs(["a=1,b=2"], FLAG, commas=True) == {"a": "1", "b": "2"}


def test_of_a_name_the_last_counts() -> None:
    assert parse_pairs(["a=1", "a=2"], FLAG) == {"a": "2"}


@pytest.mark.parametrize("text", ["a", "=b", "", "a,b=c"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        parse_pairs([text], FLAG, commas=True)


def test_requests_are_quantities() -> None:
    found = parse_quantities(["cpu=2,memory=4Gi", "ephemeral-storage=10Gi"], FLAG)

    assert {name: str(each) for name, each in found.items()} == {
        "cpu": "2",
        "memory": "4Gi",
        "ephemeral-storage": "10Gi",
    }
