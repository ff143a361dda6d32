"""The default placement: a ketama ring of 120 points for each daemon, laid out by uhashring.

Each daemon has 40 virtual nodes with 3 points each. A key's home is the daemon with the next point after the
key's, and the walk goes on around the ring. These are the answers of ``skaffold-buildkit-wrapper``, whose
users keep their warm daemons: published vectors guard them against a library that changes. The ring knows
nothing of readiness: the whole fleet is on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import md5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uhashring import HashRing

__all__ = ["POINTS_PER_VIRTUAL_NODE", "VIRTUAL_NODES", "arcs", "point", "rank"]

VIRTUAL_NODES = 40
POINTS_PER_VIRTUAL_NODE = 3

_POINT = 4
_AROUND = float(1 << 8 * _POINT)


def rank(key: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return all ``names`` in the order in which the ring meets them, walking from the key's point."""
    distinct = tuple(sorted(set(names)))
    return distinct if len(distinct) < 2 else tuple(_ring(distinct).iterate_nodes(key))


def arcs(names: Iterable[str]) -> tuple[tuple[float, float, str], ...]:
    """Return the stretches of the ring, each with its begin, its end and the name at home there.

    They go from 0 to 1, as ``point`` does; neighbours have different names.
    """
    distinct = tuple(sorted(set(names)))
    if len(distinct) < 2:
        return tuple((0.0, 1.0, name) for name in distinct)
    points: list[tuple[int, str]] = _ring(distinct).get_points()
    found: list[tuple[float, float, str]] = []
    # A key belongs to the next point, and behind the last one to the first.
    for end, name in [*((at / _AROUND, name) for at, name in points), (1.0, points[0][1])]:
        begin = found[-1][1] if found else 0.0
        if found and found[-1][2] == name:
            begin = found.pop()[0]
        found.append((begin, end, name))
    return tuple(found)


def point(key: str) -> float:
    """Return where on the ring a key is, from 0 to 1."""
    return _point(key) / _AROUND


@lru_cache(maxsize=4)
def _ring(names: tuple[str, ...]) -> HashRing:
    """Lay out the ring. One fleet is asked about many keys.

    The names come sorted: where two daemons share a point, the later one has it.
    """
    from uhashring import HashRing  # 1 ms, which a fleet of one daemon doesn't need

    ring = HashRing([], hash_fn="ketama", vnodes=VIRTUAL_NODES, replicas=POINTS_PER_VIRTUAL_NODE)
    # The package's own asks for MD5 as if for security, which a machine in FIPS mode refuses.
    ring.hashi = ring.runtime.hashi = _point
    ring.conf.update((name, {}) for name in names)
    ring.regenerate()
    return ring


def _point(text: str, replica: int = 0) -> int:
    return int.from_bytes(_digest(text)[replica * _POINT : (replica + 1) * _POINT], "little")


@lru_cache(maxsize=1)  # the points of a virtual node are asked for one after the other
def _digest(text: str) -> bytes:
    return md5(text.encode(), usedforsecurity=False).digest()
