"""A definition in LLB, BuildKit's low-level language, as its message ``pb.Definition`` packs it. Pure."""

from __future__ import annotations

from hashlib import sha256

from router.errors import UsageError
from router.notation.varint import varint
from router.rpc.events import Http2Error
from router.rpc.protobuf import Value, field, read, submessage, text

__all__ = ["check_definition", "read_definition", "without_cache"]

_IGNORE_CACHE = varint(1 << 3) + varint(1)


def check_definition(definition: bytes) -> None:
    """Raise ``UsageError`` for what is no definition, or an empty one."""
    read_definition(definition)


def without_cache(definition: bytes) -> bytes:
    """Return the definition with every operation marked so that its cache is not used.

    Raises ``UsageError`` for what is no definition.
    """
    operations, metadata, others = read_definition(definition)
    for operation in operations:
        digest = f"sha256:{sha256(operation).hexdigest()}"
        # Of a field that stands twice the last counts: what else is known of the operation stays.
        metadata[digest] = metadata.get(digest, b"") + _IGNORE_CACHE
    entries = (field(2, field(1, digest) + field(2, known)) for digest, known in metadata.items())
    return b"".join([*(field(1, operation) for operation in operations), *entries, *others])


def read_definition(definition: bytes) -> tuple[list[bytes], dict[str, bytes], list[bytes]]:
    """Return the operations, what is known of each by its digest, and the remaining fields, packed."""
    operations: list[bytes] = []
    metadata: dict[str, bytes] = {}
    others: list[bytes] = []
    try:
        for number, value in read(memoryview(definition)):
            if number == 1:
                operations.append(_bytes(value))
            elif number == 2:
                entry = {1: memoryview(b""), 2: memoryview(b"")} | dict(submessage(value))
                metadata[text(entry[1])] = _bytes(entry[2])
            else:
                others.append(field(number, _bytes(value)))
    except Http2Error:
        operations = []
    if not operations:
        raise UsageError(
            "what is given as LLB is no definition with operations in it",
            hint="give what a program prints that marshals LLB (the programs of BuildKit's examples do)",
        )
    return operations, metadata, others


def _bytes(value: Value) -> bytes:
    if isinstance(value, int):
        raise Http2Error("a number where bytes belong")
    return bytes(value)
