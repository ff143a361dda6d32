"""A definition in LLB, BuildKit's low-level language, as its message ``pb.Definition``. Pure.

Only builds of LLB and downloads come here: to import this module takes protobuf's runtime along.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from hashlib import sha256

from google.protobuf.message import DecodeError

from router._proto import ops_pb2 as pb
from router.errors import UsageError

__all__ = ["check_definition", "digest_of", "operations_of", "packed", "read_definition", "without_cache"]


def check_definition(definition: bytes) -> None:
    """Raise ``UsageError`` for what is no definition, or an empty one."""
    read_definition(definition)


def without_cache(definition: bytes) -> bytes:
    """Return the definition with every operation marked so that its cache is not used.

    Raises ``UsageError`` for what is no definition.
    """
    marked = read_definition(definition)
    for operation in operations_of(marked):
        marked.metadata[digest_of(operation)].ignore_cache = True
    return packed(marked)


def read_definition(definition: bytes) -> pb.Definition:
    """Return the message, which has an operation at least. Raises ``UsageError``."""
    try:
        read = pb.Definition.FromString(definition)
    except DecodeError:
        read = pb.Definition()
    if not operations_of(read):
        raise UsageError(
            "the LLB given is not a definition with operations",
            hint="pass the output of a program that marshals LLB, such as BuildKit's examples",
        )
    return read


def operations_of(definition: pb.Definition) -> MutableSequence[bytes]:
    """Return the packed operations; their field's name is a word of Python's."""
    operations: MutableSequence[bytes] = getattr(definition, "def")
    return operations


def digest_of(operation: bytes) -> str:
    """Return the name by which other operations and the metadata speak of a packed operation."""
    return f"sha256:{sha256(operation).hexdigest()}"


def packed(message: pb.Definition | pb.Op) -> bytes:
    """Return the message's bytes, the same ones each time: digests are taken of them."""
    return message.SerializeToString(deterministic=True)
