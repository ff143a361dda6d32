"""Images taken from one repository to another, with all that they are made of: children, config, layers."""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import RegistryError
from router.notation.tag import Reference
from router.registry.client import RegistryClient, with_digest
from router.registry.descriptor import Descriptor
from router.registry.media_types import INDEXES, MANIFESTS

__all__ = ["copy_image", "require_there"]

# An index in an index in an index is as deep as anybody has needed.
_MOST_DEPTH = 4
_NOT_DISTRIBUTED = ("nondistributable", "foreign")


def copy_image(
    client: RegistryClient, source: Reference, target: Reference, descriptor: Descriptor, depth: int = 0
) -> None:
    """Have ``target``'s repository hold what ``source``'s has under a digest. Nothing is tagged.

    Raises ``DialError``, and ``RegistryError`` for what isn't there or can't be right.
    """
    if depth > _MOST_DEPTH:
        raise RegistryError(f"the index {descriptor.digest} is nested more than {_MOST_DEPTH} times")
    if descriptor.media_type not in INDEXES | MANIFESTS:
        _copy_blob(client, source, target, descriptor)
        return
    if client.find(with_digest(target, descriptor.digest)):
        return  # a registry takes no manifest before what it is made of
    if source.repository == target.repository:
        said = f"the registry {source.domain} has lost {descriptor.digest} of {source.path}"
        raise RegistryError(said, reason="not-found")
    manifest = client.pull(with_digest(source, descriptor.digest))
    for child in manifest.manifests:
        copy_image(client, source, target, child, depth + 1)
    for blob in manifest.blobs:
        if not any(word in blob.media_type for word in _NOT_DISTRIBUTED):
            _copy_blob(client, source, target, blob)
    client.push(with_digest(target, descriptor.digest), manifest)


def require_there(client: RegistryClient, target: Reference, digests: Sequence[str]) -> None:
    """Raise ``RegistryError`` unless the repository has all of these: before a tag names an index of them."""
    for digest in digests:
        if not client.find(with_digest(target, digest)):
            raise RegistryError(
                f"the registry {target.domain} has lost {digest} of {target.path} after it was pushed; "
                "nothing was tagged there",
                hint="try again",
                reason="not-found",
            )


def _copy_blob(client: RegistryClient, source: Reference, target: Reference, blob: Descriptor) -> None:
    if source.repository == target.repository:
        return
    on_one = source if source.domain == target.domain else None
    client.upload(target, blob, lambda offset: client.read(source, blob, offset), on_one)
