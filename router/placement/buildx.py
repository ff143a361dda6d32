"""The one-point ring that buildx (0.13 and later) and BuildKit's consistent hashing example use.

Each daemon has a single point: the MD5 of its name and ``-0``. A key's point is its own MD5. The 16 bytes
are read as two signed little-endian 64-bit numbers and compared in that order. The home is the daemon
whose point comes next after the key's. One point each makes for uneven shares: this placement is for
fleets that must agree with those tools, not for its balance.
"""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterable

__all__ = ["rank"]

_POINT = struct.Struct("<qq")


def rank(key: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return all ``names`` in the order in which the ring meets them, walking from the key's point."""
    points = sorted((_point(f"{name}-0"), name) for name in names)
    start = bisect_right(points, _point(key), key=lambda entry: entry[0])
    return tuple(name for _, name in points[start:] + points[:start])


def _point(text: str) -> tuple[int, int]:
    high, low = _POINT.unpack(hashlib.md5(text.encode(), usedforsecurity=False).digest())
    return high, low
