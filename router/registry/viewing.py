"""A manifest as ``imagetools inspect`` shows it to programs: what buildx calls ``.Manifest``. Pure."""

from __future__ import annotations

from router.registry.descriptor import descriptor_json
from router.registry.document import Document
from router.untrusted_json import integer, members, text

__all__ = ["manifest_view"]


def manifest_view(document: Document) -> dict[str, object]:
    """Return an index with its digest and size, or the descriptor of anything else, as JSON values."""
    if not document.is_index:
        return descriptor_json(document.descriptor)
    annotations = {
        name: each
        for name, each in sorted(members(document.value, "annotations").items())
        if isinstance(each, str)
    }
    media_type = text(document.value, "mediaType")
    return {
        "schemaVersion": integer(document.value, "schemaVersion") or 0,
        **({"mediaType": media_type} if media_type else {}),
        "digest": document.descriptor.digest,
        "size": document.descriptor.size,
        "manifests": [descriptor_json(each) for each in document.manifests],
        **({"annotations": annotations} if annotations else {}),
    }
