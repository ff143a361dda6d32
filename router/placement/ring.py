"""The default placement: a ketama ring of 120 points for each daemon, laid out by uhashring.

Each daemon has 40 virtual nodes with 3 points each. A key's home is the daemon with the next point after the
key's, and the walk goes on around the ring. These are the answers of ``skaffold-buildkit-wrapper``, whose
users keep their warm daemons: published vectors guard them against a library that changes. The ring knows
nothing of readiness: the whole fleet is on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from router.errors import UsageError

if TYPE_CHECKING:
    from uhashring import HashRing

__all__ = ["POINTS_PER_VIRTUAL_NODE", "VIRTUAL_NODES", "rank"]

VIRTUAL_NODES = 40
POINTS_PER_VIRTUAL_NODE = 3


def rank(key: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return all ``names`` in the order in which the ring meets them, walking from the key's point.

    Raises ``UsageError`` where this machine's cryptography policy forbids MD5, which the ring is made of.
    """
    distinct = tuple(sorted(set(names)))
    if len(distinct) < 2:
        return distinct
    try:
        return tuple(_ring(distinct).iterate_nodes(key))
    except UnicodeEncodeError:
        raise
    except ValueError as exc:  # hashlib's, in FIPS mode
        raise UsageError(
            f"the placement ring needs MD5, which this machine doesn't allow: {exc}",
            hint="use --placement rendezvous, which needs SHA-256 only, for everybody who builds",
        ) from exc


@lru_cache(maxsize=4)
def _ring(names: tuple[str, ...]) -> HashRing:
    """Lay out the ring. One fleet is asked about many keys.

    The names come sorted: where two daemons share a point, the later one has it.
    """
    from uhashring import HashRing  # 1 ms, which a fleet of one daemon doesn't need

    return HashRing(list(names), hash_fn="ketama", vnodes=VIRTUAL_NODES, replicas=POINTS_PER_VIRTUAL_NODE)
