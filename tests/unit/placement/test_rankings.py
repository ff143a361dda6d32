"""Laws that hold for every placement."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model.routing import Placement
from router.placement import rendezvous
from tests.unit.placement.rankings import FLEETS, KEYS, RANKINGS

_EVERY = pytest.mark.parametrize("placement", RANKINGS)


@_EVERY
@given(key=KEYS, names=FLEETS)
def test_the_order_has_every_daemon_once(placement: Placement, key: str, names: list[str]) -> None:
    assert sorted(RANKINGS[placement](key, names)) == sorted(names)


@_EVERY
@given(key=KEYS, names=FLEETS, data=st.data())
def test_the_order_does_not_depend_on_the_listing(
    placement: Placement, key: str, names: list[str], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(names))

    assert RANKINGS[placement](key, shuffled) == RANKINGS[placement](key, names)


@_EVERY
@given(key=KEYS, names=FLEETS, data=st.data())
def test_losing_a_daemon_moves_only_its_keys(
    placement: Placement, key: str, names: list[str], data: st.DataObject
) -> None:
    rank = RANKINGS[placement]
    before = rank(key, names)
    lost = data.draw(st.sampled_from(names))

    after = rank(key, [name for name in names if name != lost])

    if before[0] != lost:
        assert after[0] == before[0]
    elif after:
        assert after[0] == before[1]


@_EVERY
def test_an_empty_fleet_has_an_empty_order(placement: Placement) -> None:
    assert RANKINGS[placement]("key", []) == ()


def test_rendezvous_shares_are_even() -> None:
    names = [f"buildkitd-{number}" for number in range(10)]
    keys = [f"registry.example.com/team/app-{number}" for number in range(1000)]

    homes = Counter(rendezvous.rank(key, names)[0] for key in keys)

    assert max(homes.values()) <= 1.25 * len(keys) / len(names)


def test_a_rendezvous_weight_is_the_start_of_a_sha256() -> None:
    digest = hashlib.sha256("buildkitd-0\0ключ".encode()).hexdigest()

    assert rendezvous.weight("ключ", "buildkitd-0") == int(digest[:16], 16)


@pytest.mark.parametrize(
    ("key", "names", "order"),
    [
        ("apple", "a b c", "b c a"),
        (
            "registry.example.com/team/app",
            "buildkitd-0 buildkitd-1 buildkitd-2",
            "buildkitd-1 buildkitd-0 buildkitd-2",
        ),
    ],
)
def test_rendezvous_orders_never_change_between_versions(key: str, names: str, order: str) -> None:
    assert rendezvous.rank(key, names.split()) == tuple(order.split())
