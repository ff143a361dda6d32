"""The default placement: a ketama ring of 120 points for each daemon.

The ring of ``uhashring`` in its ketama mode, with 3 points for each of 40 virtual nodes. It answers like
the ring of ``skaffold-buildkit-wrapper``, so that its users keep their warm daemons.
It knows nothing of readiness: the whole fleet is on the ring.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["POINTS_PER_VIRTUAL_NODE", "VIRTUAL_NODES", "rank"]

VIRTUAL_NODES = 40
POINTS_PER_VIRTUAL_NODE = 3


def rank(key: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return all ``names`` in the order in which the ring meets them, walking from the key's point."""
    # uhashring takes a moment to import, and the other placements don't need it.
    from uhashring import HashRing

    # Where two daemons share a point the later one has it: sorting makes that independent of the listing.
    ring = HashRing(sorted(names), hash_fn="ketama", vnodes=VIRTUAL_NODES, replicas=POINTS_PER_VIRTUAL_NODE)
    # Without a single node uhashring would answer (None,).
    return tuple(ring.iterate_nodes(key)) if ring.size else ()
