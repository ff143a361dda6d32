"""The ref of a build: what a daemon calls it by. It begins as all refs of the same balancing key do.

A daemon's history can be asked for the refs that begin so, and says whether it has built that key, in one
answer that is as short as can be.
"""

from __future__ import annotations

import os

from router.hashes import sha256
from router.notation.varint import integer_field
from router.rpc.protobuf import field

__all__ = ["builds_of", "new_ref", "ref_prefix"]

# Hexadecimal digits: a history has hundreds of records, and a ref stays as random as it has to be.
_SHARED, _RANDOM_BYTES = 8, 12


def ref_prefix(key: str) -> str:
    """Return what the refs of all builds of a key begin with."""
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:_SHARED]


def new_ref(key: str) -> str:
    """Return a ref that no other build has: 32 hexadecimal digits."""
    return ref_prefix(key) + os.urandom(_RANDOM_BYTES).hex()


def builds_of(prefix: str) -> bytes:
    """Return a BuildHistoryRequest for the builds in flight, and of those that succeeded the latest whose ref
    begins so; for all that are over where the prefix is empty. A daemon that is older than filters sends all
    of them, whatever is asked."""
    asked = integer_field(3, True)  # EarlyExit
    if prefix:
        # Filter, and Limit. Conditions with commas between have to hold together.
        asked += field(4, f"ref~=^{prefix},status==completed") + integer_field(5, 1)
    return asked
