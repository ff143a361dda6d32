"""Rendezvous placement, also known as highest random weight: the most even of the three.

A daemon's weight for a key is the first 8 bytes, as a big-endian number, of the SHA-256 of the daemon's
name, a zero byte and the key, both in UTF-8. The heaviest comes first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

__all__ = ["rank", "weight"]


def rank(key: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return all ``names``, the heaviest for ``key`` first; equal weights go by name."""
    return tuple(sorted(names, key=lambda name: (-weight(key, name), name)))


def weight(key: str, name: str) -> int:
    """Return the weight of the daemon ``name`` for ``key``: 64 bits, unsigned."""
    digest = hashlib.sha256(f"{name}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
