"""The ref of a build: its name at the daemon. All refs of a balancing key share a prefix.

A daemon's history can be asked for the refs with this prefix, and so says in one very short answer whether it
has built the key.
"""

from __future__ import annotations

import os

from router.hashes import sha256
from router.notation.varint import integer_field
from router.rpc.protobuf import field

__all__ = ["builds_of", "new_ref", "ref_prefix"]

# Hexadecimal digits: a history has hundreds of records, and a ref stays as random as necessary.
_SHARED, _RANDOM_BYTES = 8, 12


def ref_prefix(key: str) -> str:
    """Return the prefix of all refs of a key's builds."""
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:_SHARED]


def new_ref(key: str) -> str:
    """Return a unique ref: 32 hexadecimal digits."""
    return ref_prefix(key) + os.urandom(_RANDOM_BYTES).hex()


def builds_of(prefix: str, *, latest: bool = True) -> bytes:
    """Return a BuildHistoryRequest for the builds in flight, and for the successful ones whose ref has this
    prefix, of which the latest suffices unless ``latest`` is false; for all finished ones if the prefix is
    empty. Daemons without filters always send all of them."""
    asked = integer_field(3, True)  # EarlyExit
    if prefix:
        # Filter, and Limit. Conditions separated by commas must all hold.
        asked += field(4, f"ref~=^{prefix},status==completed") + (integer_field(5, 1) if latest else b"")
    return asked
