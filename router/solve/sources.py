"""A daemon's downloads as definitions in LLB, BuildKit's low-level language. Pure."""

from __future__ import annotations

from router._proto import ops_pb2 as pb
from router.solve.llb import digest_of, operations_of, packed

__all__ = ["downloaded", "unpacked"]

# Unset, in fields where 0 has a meaning.
_UNSET = -1


def downloaded(url: str, name: str, *, title: str) -> bytes:
    """Return the definition of a directory with the file at ``url`` under ``name``."""
    return _definition(_http(url, name), titles=(title,))


def unpacked(url: str, *, title: str) -> bytes:
    """Return the definition of a directory with the files of the archive at ``url``."""
    name = "context"
    archive = _http(url, name)
    copy = pb.FileActionCopy(
        src=f"/{name}", dest="/", mode=_UNSET, timestamp=_UNSET, attemptUnpackDockerCompatibility=True
    )
    # From the archive, onto an empty directory.
    action = pb.FileAction(input=_UNSET, secondaryInput=0, copy=copy)
    files = pb.Op(inputs=[_input(archive)], file=pb.FileOp(actions=[action]))
    return _definition(archive, packed(files), titles=(title, "[internal] unpack the context"))


def _http(url: str, name: str) -> bytes:
    return packed(pb.Op(source=pb.SourceOp(identifier=url, attrs={"http.filename": name})))


def _definition(*operations: bytes, titles: tuple[str, ...]) -> bytes:
    """Return the operations, the last of which is the result, with their names for the progress display."""
    definition = pb.Definition()
    operations_of(definition).extend((*operations, packed(pb.Op(inputs=[_input(operations[-1])]))))
    for operation, title in zip(operations, titles, strict=True):
        definition.metadata[digest_of(operation)].description["llb.customname"] = title
    return packed(definition)


def _input(operation: bytes) -> pb.Input:
    return pb.Input(digest=digest_of(operation))
