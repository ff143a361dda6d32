"""Which targets are built together, and in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.baking.groups import groups, in_order, needed_by
from router.baking.requests import BakeBuild
from router.model.request import BuildRequest
from router.placement.key import Key


def _build(name: str, *bases: str) -> BakeBuild:
    return BakeBuild(name=name, request=BuildRequest(), key=Key.own(name), links={b: b for b in bases})


def _names(*builds: BakeBuild) -> list[list[str]]:
    return [[each.name for each in group] for group in groups(builds)]


def test_targets_without_links_are_alone() -> None:
    assert _names(_build("a"), _build("b")) == [["a"], ["b"]]


def test_linked_targets_are_together_and_bases_come_first() -> None:
    found = _names(
        _build("web", "mid"), _build("alone"), _build("api", "base"), _build("mid", "base"), _build("base")
    )

    assert found == [["base", "mid", "web", "api"], ["alone"]]


def test_what_uses_two_bases_joins_their_groups() -> None:
    assert _names(_build("a"), _build("b"), _build("c", "b", "a")) == [["a", "b", "c"]]


def test_what_is_needed_for_some_is_what_they_use_and_what_that_uses() -> None:
    builds = {each.name: each for each in (_build("a"), _build("b", "a"), _build("c", "b"), _build("d", "a"))}

    assert needed_by(["c"], builds) == {"a", "b", "c"}
    assert needed_by([], builds) == frozenset()


@given(st.lists(st.sets(st.integers(min_value=0, max_value=9), max_size=3), max_size=10))
def test_every_target_is_in_one_group_behind_what_it_uses(links: list[set[int]]) -> None:
    # A target uses only those with a smaller number: no cycles.
    builds = [
        _build(str(number), *sorted(str(each) for each in bases if each < number))
        for number, bases in enumerate(links)
    ][::-1]

    found = groups(builds)

    assert sorted(each.name for group in found for each in group) == sorted(each.name for each in builds)
    for group in found:
        names = [each.name for each in group]
        for position, build in enumerate(group):
            assert set(build.links.values()) <= set(names[:position])
    assert sorted(each.name for each in in_order(builds)) == sorted(each.name for each in builds)
