"""The media types of manifests and indexes, OCI's and Docker's. Pure."""

from __future__ import annotations

from router.untrusted_json import member, text

__all__ = ["DOCKER_LIST", "INDEXES", "MANIFESTS", "OCI_INDEX", "media_type_of"]

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})


def media_type_of(document: object) -> str:
    """Return the media type of a document that came without one, as buildx guesses it."""
    if named := text(document, "mediaType"):
        return named
    return DOCKER_MANIFEST if member(document, "config") is not None else DOCKER_LIST
