"""What a daemon downloads, as definitions in LLB, BuildKit's low-level language. Pure.

The numbers are those of BuildKit's solver/pb/ops.proto.
"""

from __future__ import annotations

from hashlib import sha256

from router.notation.varint import varint
from router.rpc.protobuf import field, map_fields

__all__ = ["downloaded", "unpacked"]

# What is not set, in fields where 0 means something.
_UNSET = varint((1 << 64) - 1)
_TRUE = varint(1)


def downloaded(url: str, name: str, *, title: str) -> bytes:
    """Return the definition of a directory with what is at ``url`` under ``name``."""
    return _definition(_http(url, name), titles=(title,))


def unpacked(url: str, *, title: str) -> bytes:
    """Return the definition of a directory with the files of the archive at ``url``."""
    name = "context"
    archive = _http(url, name)
    copy = b"".join(
        (
            field(1, f"/{name}"),
            field(2, "/"),
            _number(4, _UNSET),  # the mode
            _number(7, _TRUE),  # unpack it if it is an archive
            _number(11, _UNSET),  # the time
        )
    )
    # Onto nothing, from input 0, which is the default.
    action = _number(1, _UNSET) + field(4, copy)
    files = _input(archive) + field(4, field(2, action))
    return _definition(archive, files, titles=(title, "[internal] unpack the context"))


def _http(url: str, name: str) -> bytes:
    return field(3, field(1, url) + map_fields(2, {"http.filename": name}))


def _definition(*operations: bytes, titles: tuple[str, ...]) -> bytes:
    """Return the operations, the last of which is the result, with the names that progress has for them."""
    titled = zip(operations, titles, strict=True)
    metadata = (
        field(2, field(1, _digest(operation)) + field(2, map_fields(2, {"llb.customname": title})))
        for operation, title in titled
    )
    everything = (*operations, _input(operations[-1]))
    return b"".join([*(field(1, operation) for operation in everything), *metadata])


def _input(operation: bytes) -> bytes:
    return field(1, field(1, _digest(operation)))


def _digest(operation: bytes) -> str:
    return f"sha256:{sha256(operation).hexdigest()}"


def _number(number: int, value: bytes) -> bytes:
    return varint(number << 3) + value
