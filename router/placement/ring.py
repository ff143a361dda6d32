"""The default placement: a ketama ring of 120 points for each daemon.

Each daemon has 40 virtual nodes, called after it with ``-0`` to ``-39``. The MD5 of such a name gives 3
points, which are its first three 32-bit numbers, little-endian. A key's point is the first such number of its
own MD5; its home is the daemon with the next point after that, and the walk goes on around the ring. Where
two daemons share a point, the later one by name has it.

These are the answers of ``skaffold-buildkit-wrapper``, whose users keep their warm daemons, and of the
package ``uhashring`` in its ketama mode, which the tests compare with. The ring knows nothing of readiness:
the whole fleet is on it.
"""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["POINTS_PER_VIRTUAL_NODE", "VIRTUAL_NODES", "rank"]

VIRTUAL_NODES = 40
POINTS_PER_VIRTUAL_NODE = 3

_SUFFIXES = tuple(f"-{number}".encode() for number in range(VIRTUAL_NODES))
_POINTS = struct.Struct("<" + f"{POINTS_PER_VIRTUAL_NODE}L4x" * VIRTUAL_NODES)
_KEY = struct.Struct("<L")

_Ring = tuple[list[int], dict[int, str]]


def rank(key: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return all ``names`` in the order in which the ring meets them, walking from the key's point."""
    distinct = tuple(sorted(set(names)))
    points, owners = _ring(distinct)
    start = bisect_right(points, _KEY.unpack_from(_md5(key.encode()))[0])
    met: dict[str, None] = {}
    for walked in (range(start, len(points)), range(start)):
        for position in walked:
            met[owners[points[position]]] = None
            if len(met) == len(distinct):
                return tuple(met)
    return tuple(met)


@lru_cache(maxsize=4)
def _ring(names: tuple[str, ...]) -> _Ring:
    """Return the points in their order, and who has each. One fleet is asked about many keys."""
    owners: dict[int, str] = {}
    for name in names:
        encoded = name.encode()
        digests = b"".join([_md5(encoded + suffix) for suffix in _SUFFIXES])
        owners.update(dict.fromkeys(_POINTS.unpack(digests), name))
    return sorted(owners), owners


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
