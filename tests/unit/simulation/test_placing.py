"""Laws of consistent hashing, as the simulation tells them, and the published orders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.model.daemon import Daemon
from router.model.routing import Placement
from router.placement.order import order
from router.simulation.given import invented_keys, parse_daemon_names, scaled
from router.simulation.placing import balance, first_two, homes, homes_without, move, over_mean
from tests.unit.placement.rankings import RANKINGS

_EVERY = pytest.mark.parametrize("placement", RANKINGS)
_KEYS = st.lists(st.text("abcdef/-0123", min_size=1, max_size=12), unique=True, min_size=1, max_size=30)


def _even(keys: list[str]) -> dict[str, float]:
    return dict.fromkeys(keys, 1 / len(keys))


@_EVERY
@settings(max_examples=30, deadline=None)
@given(keys=_KEYS, count=st.integers(2, 8), data=st.data())
def test_losing_a_daemon_moves_its_keys_and_no_others(
    placement: Placement, keys: list[str], count: int, data: st.DataObject
) -> None:
    daemons = parse_daemon_names([str(count)])
    lost = data.draw(st.sampled_from(daemons))
    before = homes(keys, daemons, placement)
    after = homes(keys, [daemon for daemon in daemons if daemon != lost], placement)

    told = move("loss", lost.name, before, after, _even(keys))

    own = [key for key in keys if before[key] == lost.name]
    assert told.moved == len(own) == sum(told.gained.values())
    assert lost.name not in told.gained
    # They go where they wait while it is only away for a moment: to the next in their order.
    assert {key: after[key] for key in own} == {
        key: order(key, daemons, placement)[1].daemon.name for key in own
    }
    assert homes_without(lost.name, first_two(keys, daemons, placement)) == after


@_EVERY
@settings(max_examples=30, deadline=None)
@given(keys=_KEYS, count=st.integers(1, 8), more=st.integers(1, 4))
def test_scaling_up_moves_keys_to_the_new_daemons_only_and_scaling_back_the_same_keys(
    placement: Placement, keys: list[str], count: int, more: int
) -> None:
    fewer = parse_daemon_names([str(count)])
    larger = scaled(fewer, count + more)
    before, after = homes(keys, fewer, placement), homes(keys, larger, placement)

    up = move("scale", "", before, after, _even(keys))
    down = move("scale", "", after, before, _even(keys))

    assert set(up.gained) <= {daemon.name for daemon in larger[count:]}
    assert up.moved == down.moved
    assert up.builds == pytest.approx(up.share)


@_EVERY
@settings(max_examples=30, deadline=None)
@given(keys=_KEYS, count=st.integers(1, 8))
def test_every_key_has_one_home_and_the_builds_are_all_shared_out(
    placement: Placement, keys: list[str], count: int
) -> None:
    daemons = parse_daemon_names([str(count)])

    found = balance(homes(keys, daemons, placement), daemons, placement, _even(keys))

    assert list(found.keys) == [daemon.name for daemon in daemons]
    assert sum(found.keys.values()) == len(keys)
    assert sum(found.builds.values()) == pytest.approx(1)
    assert 1 <= found.most_keys <= count
    assert found.most_builds == pytest.approx(found.most_keys)


def test_a_migration_to_the_same_homes_moves_nothing() -> None:
    keys = ["a", "b"]
    found = homes(keys, parse_daemon_names(["3"]), "ring")

    told = move("migration", "ring to ring", found, found, _even(keys))

    assert (told.moved, told.builds, told.gained) == (0, 0, {})


def test_homes_are_those_of_the_published_vectors() -> None:
    path = Path(__file__).parents[1] / "placement" / "vectors.json"
    placements: tuple[Placement, ...] = ("ring", "buildx")
    checked = 0
    for fleet in json.loads(path.read_text(encoding="utf-8"))["fleets"]:
        listed = fleet["daemons"]
        names = listed.get("names") or [
            f"{listed['prefix']}{number}" for number in range(listed["first"], listed["last"] + 1)
        ]
        daemons = parse_daemon_names(names)
        for placement in placements:
            first = {
                key: orders[placement][0] for key, orders in fleet["keys"].items() if placement in orders
            }
            assert homes(list(first), daemons, placement) == first
            checked += len(first)
    assert checked > 50


def test_the_balance_is_that_of_the_placement_page() -> None:
    """docs/explanation/placement.md: 10 pods and 1,000 keys; the one-point ring is the uneven one."""
    daemons = parse_daemon_names(["10"])
    keys = [key.key for key in invented_keys("1000")]
    shares = _even(keys)

    most = {
        placement: balance(homes(keys, daemons, placement), daemons, placement, shares).most_keys
        for placement in RANKINGS
    }

    assert most["ring"] < 1.4
    assert most["rendezvous"] < 1.25
    assert most["buildx"] > 2


def test_what_is_hashed_is_the_identity_and_what_is_told_the_name() -> None:
    plain = parse_daemon_names(["3"])
    renamed = tuple(
        Daemon(name=f"pod-{number}", identity=daemon.name, address=daemon.address)
        for number, daemon in enumerate(plain)
    )
    keys = [key.key for key in invented_keys("20")]

    assert homes(keys, renamed, "ring") == {
        key: home.replace("buildkitd", "pod") for key, home in homes(keys, plain, "ring").items()
    }


@pytest.mark.parametrize(
    ("values", "ratio"), [([1, 1, 1], 1.0), ([3, 0, 0], 3.0), ([0, 0], 1.0), ([], 1.0), ([2, 4], 4 / 3)]
)
def test_the_largest_over_the_mean(values: list[float], ratio: float) -> None:
    assert over_mean(values) == pytest.approx(ratio)
