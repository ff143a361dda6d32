"""The attachments of a build's record: results and their attestations."""

from __future__ import annotations

from collections.abc import Iterator

from router.errors import RpcError, UsageError
from router.model.frozen import frozen
from router.model.record import Blob, BuildRecord
from router.operations.blobs import read_blob
from router.operations.records import DaemonRecord
from router.rpc import RpcChannel, open_channel
from router.transport.options import DialOptions
from router.untrusted_json import NotJSONError, elements, integer, members, read_json, text

__all__ = ["PROVENANCE", "Attachment", "attachments_of", "read_attachment", "type_of"]

PROVENANCE = "https://slsa.dev/provenance/"
"""How the types of provenances begin."""

_MOST_IMAGES = 1000
_PREDICATE = "in-toto.io/predicate-type"
_REFERENCE, _ATTESTATION = "vnd.docker.reference.type", "attestation-manifest"
_INDEXES = frozenset(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
)


@frozen
class Attachment:
    """A blob that the daemon keeps with the record; ``type`` is the predicate's, else the media type."""

    digest: str
    type: str
    platform: str = ""
    size: int = 0


def read_attachment(build: DaemonRecord, options: DialOptions, wanted: str) -> bytes:
    """Return the first attachment of that digest or type; ``provenance`` is one of any version.

    Raises ``UsageError`` where there is none, ``UnreachableError``, ``RpcError``.
    """
    with open_channel(build.daemon.address, options, peer=build.daemon.peer) as channel:
        attachments = attachments_of(channel, build.record, options.timeout)
        for each in attachments:
            provenance = wanted == "provenance" and each.type.startswith(PROVENANCE)
            if provenance or wanted in {each.digest, each.type}:
                return read_blob(channel, each.digest, options.timeout)
    known = ", ".join(dict.fromkeys(each.type for each in attachments)) or "none"
    raise UsageError(
        f'the build {build.record.ref} on {build.daemon.name} has no attachment "{wanted}"',
        hint=f"its attachments: {known}",
    )


def attachments_of(channel: RpcChannel, record: BuildRecord, timeout: float) -> tuple[Attachment, ...]:
    """Return the attachments of a record, by platform and type; images in an index stand beside it.

    Raises as ``RpcChannel.run``.
    """
    found: list[Attachment] = []
    for platform, attestations in record.attestations.items():
        found += [_attachment(blob, platform) for blob in attestations]
    for platform, results in record.results.items():
        for blob in results.values():
            found.append(_attachment(blob, platform))
            if blob.media_type in _INDEXES:
                found += _images(channel, blob, timeout)
    return tuple(sorted(found, key=lambda each: (each.platform, each.type)))


def type_of(blob: Blob) -> str:
    """Return the type of a predicate, else of the media."""
    return blob.annotations.get(_PREDICATE) or blob.media_type


def _attachment(blob: Blob, platform: str) -> Attachment:
    return Attachment(digest=blob.digest, type=type_of(blob), platform=platform, size=blob.size)


def _images(channel: RpcChannel, index: Blob, timeout: float) -> Iterator[Attachment]:
    """Yield the images of an index, none where it is gone or is none."""
    try:
        manifests = elements(read_json(read_blob(channel, index.digest, timeout)), "manifests")[:_MOST_IMAGES]
    except (RpcError, NotJSONError):
        return
    for manifest in manifests:
        if text(members(manifest, "annotations").get(_REFERENCE)) != _ATTESTATION:
            platform = members(manifest, "platform")
            parts = (text(platform, name) for name in ("os", "architecture", "variant"))
            yield Attachment(
                digest=text(manifest, "digest"),
                type=text(manifest, "mediaType"),
                platform="/".join(filter(None, parts)),
                size=integer(manifest, "size") or 0,
            )
