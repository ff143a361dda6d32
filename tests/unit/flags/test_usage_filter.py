"""``--filter`` of du and prune."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.usage_filter import (
    Selector,
    UsageFilter,
    check_for_prune,
    format_selectors,
    format_usage_filter,
    parse_usage_filters,
)
from tests.unit.specs.refused import refused

_VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: text == text.strip()
)
_SELECTORS = st.one_of(
    st.sampled_from(["inuse", "mutable", "immutable", "shared", "private", "description", "id"]).map(
        lambda name: Selector(field=name)
    ),
    st.tuples(st.sampled_from(["id", "description", "parents"]), st.sampled_from(["==", "!="]), _VALUES).map(
        lambda parts: Selector(field=parts[0], operator=parts[1], value=parts[2])  # type: ignore[arg-type]
    ),
)


@given(st.lists(_SELECTORS).map(tuple), st.none() | st.integers(0, 10**6).map(float))
def test_a_filter_survives_formatting_and_parsing(
    selectors: tuple[Selector, ...], unused_for: float | None
) -> None:
    filters = UsageFilter(selectors=selectors, unused_for=unused_for)
    text = format_usage_filter(filters)

    assert parse_usage_filters([text] if text else []) == filters


@pytest.mark.parametrize(
    ("given_", "sent"),
    [
        ([], ""),
        (["type=exec.cachemount"], "type==exec.cachemount"),
        (["type==exec.cachemount"], "type==exec.cachemount"),
        (["TYPE!=regular"], "type!=regular"),
        (["id=abc"], "id~=abc"),
        (["id==abc"], "id==abc"),
        (["id~=^abc"], 'id~="^abc"'),
        (["type=regular", "description~=golang"], "type==regular,description~=golang"),
        (["type==regular, mutable"], "type==regular,mutable"),
        (["mutable=true", "shared=false"], "mutable,private"),
        (["inuse"], "inuse"),
        (["parents=a;b"], "parents==a;b"),
        (["description~=cached mount /root"], 'description~="cached mount /root"'),
        (["description~=/cached, mount/"], 'description~="cached, mount"'),
        (['description~=with id "/go"'], 'description~="with id \\"/go\\""'),
        (['description=="a\\tb\\\\c\\u00e9"'], 'description=="a\\U00000009b\\\\cé"'),
        (["until=24h", "private"], "private"),
    ],
)
def test_the_notations_of_buildx_and_buildctl_become_the_daemons(given_: list[str], sent: str) -> None:
    assert format_selectors(parse_usage_filters(given_)) == sent


@pytest.mark.parametrize("text", ["until=2h30m", "unused-for=150m", "until==2.5h"])
def test_an_age_is_no_condition_of_the_daemons(text: str) -> None:
    filters = parse_usage_filters([text, "until=2h30m"])

    assert (filters.unused_for, filters.selectors) == (9000.0, ())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a condition is FIELD, FIELD=VALUE, FIELD!=VALUE or FIELD~=EXPRESSION"),
        ("type=regular,", "a condition is FIELD, FIELD=VALUE, FIELD!=VALUE or FIELD~=EXPRESSION"),
        ("typ=regular", "unknown field typ (did you mean type?)"),
        ("type=exec.cachemont", "unknown type exec.cachemont (did you mean exec.cachemount?)"),
        ("type!=exec.cachemont", "unknown type exec.cachemont (did you mean exec.cachemount?)"),
        ("type=", "there is no value behind ="),
        ("type=regular mutable", "unknown type regular mutable (did you mean regular?)"),
        ("inuse regular", '"r" stands where a comma or the end should be'),
        ("mutable=maybe", "mutable takes no value: a record is mutable or it isn't"),
        ("mutable!=true", "mutable takes no value: a record is mutable or it isn't"),
        ("inuse=false", "inuse takes no value: a record is inuse or it isn't"),
        ("id==/a/", 'only ~= may have its value between "/"; use double quotes'),
        ("description~=/home/.cache", '"." stands where a comma or the end should be'),
        ("description~=/root", 'there is no / at the end of the value; quote it as "..."'),
        ('description~="a\\d"', "a backslash between quotes is written twice"),
        ('description=="\\xff"', "\\xff is no character"),
        ("description~=a(b", "it is no regular expression: missing ), unterminated subpattern at position 1"),
        ("until=24", "it takes a duration, such as until=24h or until=2h30m"),
        ("until~=24h", "it takes a duration: until=24h"),
    ],
)
def test_a_filter_that_would_mean_nothing_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: parse_usage_filters([text]))) == f'invalid --filter "{text}": {why}'


def test_ages_that_differ_are_refused() -> None:
    error = refused(lambda: parse_usage_filters(["until=24h", "unused-for=1h"]))

    assert str(error) == 'invalid --filter "unused-for=1h": it contradicts "until=24h"'


@pytest.mark.parametrize("text", ["parents!=abc", "inuse"])
def test_what_a_prune_does_not_look_at_can_be_no_condition_of_it(text: str) -> None:
    assert "a daemon that prunes does not look at" in str(
        refused(lambda: check_for_prune(parse_usage_filters([text])))
    )
