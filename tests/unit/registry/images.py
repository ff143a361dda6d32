"""Descriptors, manifests and indexes for the tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from router.notation.tag import parse_reference
from router.registry.combining import Source
from router.registry.descriptor import Descriptor, ImagePlatform, descriptor_json
from router.registry.document import Document, digest_of, document
from router.registry.media_types import OCI_INDEX, OCI_MANIFEST

__all__ = ["AMD64", "ARM64", "described", "image", "index", "platform"]


def platform(name: str) -> ImagePlatform:
    """Return the platform of ``os/arch[/variant]``."""
    system, architecture, variant = (*name.split("/"), "")[:3]
    return ImagePlatform(os=system, architecture=architecture, variant=variant)


AMD64, ARM64 = platform("linux/amd64"), platform("linux/arm64")


def described(
    name: str,
    media_type: str = OCI_MANIFEST,
    *,
    of: ImagePlatform | None = AMD64,
    annotations: Mapping[str, str] | None = None,
) -> Descriptor:
    """Return a descriptor of a manifest that is known by ``name`` alone."""
    return Descriptor(
        media_type=media_type,
        digest=digest_of(name.encode()),
        size=len(name),
        platform=of,
        annotations=annotations or {},
    )


def image(
    name: str,
    media_type: str = OCI_MANIFEST,
    *,
    of: ImagePlatform | None = AMD64,
    repository: str = "example.com/app",
) -> Source:
    """Return a single image as a source."""
    content = json.dumps({"schemaVersion": 2, "mediaType": media_type, "name": name}).encode()
    found = Descriptor(media_type=media_type, digest=digest_of(content), size=len(content), platform=of)
    return Source(reference=parse_reference(f"{repository}:{name}"), document=document(found, content))


def index(
    *listed: Descriptor,
    media_type: str = OCI_INDEX,
    repository: str = "example.com/app",
    annotations: Mapping[str, str] | None = None,
) -> Source:
    """Return an index as a source. It is written on one line, unlike what is made here."""
    value: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_type}
    value["manifests"] = [descriptor_json(each) for each in listed]
    if annotations:
        value["annotations"] = dict(annotations)
    return Source(reference=parse_reference(f"{repository}:index"), document=_document(media_type, value))


def _document(media_type: str, value: object) -> Document:
    content = json.dumps(value).encode()
    return document(Descriptor(media_type=media_type, digest=digest_of(content), size=len(content)), content)
