"""One build as its daemon knows it: materials, attachments, and the cause of a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.errors import BuildError, RpcError
from router.model.frozen import frozen
from router.model.record import Blob, BuildRecord
from router.operations.attachments import PROVENANCE, Attachment, attachments_of, type_of
from router.operations.blobs import read_blob
from router.operations.records import DaemonRecord, to_end
from router.operations.slsa import PREDICATE_V1, as_v02
from router.rpc import RpcChannel, open_channel
from router.rpc.grpc import status_details
from router.solve.control import Control
from router.solve.failure import BuildObserver
from router.transport.options import DialOptions
from router.untrusted_json import read_json

__all__ = ["BuildDetails", "Material", "inspect_build"]

_MOST_MATERIALS = 10_000


@frozen
class Material:
    """A material of the build: an image, a repository, a download. Digests are like ``sha256:...``."""

    uri: str
    digests: tuple[str, ...] = ()


@frozen
class BuildDetails:
    """``error`` is what the client of a failed build was told; ``unread`` says what could not be read, and
    why."""

    build: DaemonRecord
    materials: tuple[Material, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    error: BuildError | None = None
    unread: tuple[str, ...] = ()


def inspect_build(build: DaemonRecord, options: DialOptions) -> BuildDetails:
    """Return the details of a build, as far as they can be read. Raises ``UnreachableError``."""
    record, unread = build.record, []
    materials: dict[str, Material] = {}
    error: BuildError | None = None
    with open_channel(build.daemon.address, options, peer=build.daemon.peer) as channel:
        attached = attachments_of(channel, record, options.timeout)
        for blob in _provenances(record):
            try:
                predicate = read_json(read_blob(channel, blob.digest, options.timeout))
                materials |= {each.uri: each for each in _materials(blob, predicate)}
            except (RpcError, ValueError, KeyError, TypeError, AttributeError) as exc:
                unread.append(f"the provenance {blob.digest}: {exc}")
        if record.status == "error":
            try:
                error = _error(channel, record, options.timeout)
            except RpcError as exc:
                unread.append(f"the details of the error: {exc}")
    return BuildDetails(
        build=build,
        materials=tuple(materials.values()),
        attachments=attached,
        error=error,
        unread=tuple(unread),
    )


def _provenances(record: BuildRecord) -> Iterator[Blob]:
    for blobs in record.attestations.values():
        yield from (blob for blob in blobs if type_of(blob).startswith(PROVENANCE))


def _materials(blob: Blob, predicate: Any) -> Iterator[Material]:
    if type_of(blob) == PREDICATE_V1:
        predicate = as_v02(predicate)
    for each in (predicate.get("materials") or ())[:_MOST_MATERIALS]:
        digests = tuple(f"{name}:{value}" for name, value in (each.get("digest") or {}).items())
        yield Material(uri=str(each["uri"]), digests=digests)


def _error(channel: RpcChannel, record: BuildRecord, timeout: float) -> BuildError | None:
    """Return the error as the client was told it, with the lines of the source and of the log."""
    if record.error is None:
        return None
    details: list[tuple[str, bytes]] = []
    if record.error_details is not None:
        details = status_details(read_blob(channel, record.error_details.digest, timeout))
    observer = BuildObserver()
    control = Control(channel)
    to_end(control, control.status(record.ref, observer.see), timeout)
    said = RpcError(record.error.message, code=record.error.code, details=details)
    return observer.build_error(said)
