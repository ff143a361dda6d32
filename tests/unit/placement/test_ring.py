"""The ring against uhashring, an independent maker of the same ring."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from uhashring import HashRing

from router.placement import ring
from tests.unit.placement.rankings import KEYS, NAMES


def _peer(names: list[str]) -> HashRing:
    return HashRing(
        sorted(names), hash_fn="ketama", vnodes=ring.VIRTUAL_NODES, replicas=ring.POINTS_PER_VIRTUAL_NODE
    )


@given(
    keys=st.lists(KEYS, min_size=1, max_size=5), names=st.lists(NAMES, unique=True, min_size=1, max_size=30)
)
def test_the_order_is_uhashring_s(keys: list[str], names: list[str]) -> None:
    peer = _peer(names)

    for key in keys:
        assert ring.rank(key, names) == tuple(peer.iterate_nodes(key))


@settings(max_examples=20)
@given(keys=st.lists(KEYS, min_size=20, max_size=50), size=st.integers(100, 250), prefix=NAMES)
def test_the_order_of_a_large_fleet_is_uhashring_s(keys: list[str], size: int, prefix: str) -> None:
    names = [f"{prefix}-{number}" for number in range(size)]
    peer = _peer(names)

    for key in keys:
        assert ring.rank(key, names) == tuple(peer.iterate_nodes(key))


def test_a_point_that_two_daemons_share_belongs_to_the_one_to_whom_uhashring_gives_it() -> None:
    names = [f"buildkitd-{number}" for number in range(1000)]
    peer = _peer(names)

    points, owners = ring._ring(tuple(sorted(names)))

    assert len(points) < len(names) * ring.VIRTUAL_NODES * ring.POINTS_PER_VIRTUAL_NODE  # some are shared
    assert owners == peer.ring
    assert points == sorted(peer.ring)
