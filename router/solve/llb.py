"""A definition in LLB, BuildKit's low-level language, as its message ``pb.Definition``. Pure.

Only builds of LLB and downloads come here: importing this module loads protobuf's runtime.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from hashlib import sha256

from google.protobuf.message import DecodeError

from router._proto import ops_pb2 as pb
from router.errors import UsageError

__all__ = ["check_definition", "digest_of", "operations_of", "packed", "read_definition", "without_cache"]


def check_definition(definition: bytes) -> None:
    """Raise ``UsageError`` for an invalid or an empty definition."""
    read_definition(definition)


def without_cache(definition: bytes) -> bytes:
    """Return the definition with every operation marked so that its cache is not used.

    Raises ``UsageError`` for an invalid definition.
    """
    marked = read_definition(definition)
    for operation in operations_of(marked):
        marked.metadata[digest_of(operation)].ignore_cache = True
    return packed(marked)


def read_definition(definition: bytes) -> pb.Definition:
    """Return the message, which has at least one operation. Raises ``UsageError``."""
    try:
        read = pb.Definition.FromString(definition)
    except DecodeError:
        read = pb.Definition()
    if not operations_of(read):
        raise UsageError(
            "the given LLB is not a definition with operations",
            hint="pass the output of a program that marshals LLB, such as BuildKit's examples",
        )
    return read


def operations_of(definition: pb.Definition) -> MutableSequence[bytes]:
    """Return the packed operations; their field's name is a Python keyword."""
    operations: MutableSequence[bytes] = getattr(definition, "def")
    return operations


def digest_of(operation: bytes) -> str:
    """Return the name by which other operations and the metadata refer to a packed operation."""
    return f"sha256:{sha256(operation).hexdigest()}"


def packed(message: pb.Definition | pb.Op) -> bytes:
    """Return the message's bytes, the same each time: digests are computed from them."""
    return message.SerializeToString(deterministic=True)
