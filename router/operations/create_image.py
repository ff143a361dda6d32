"""``imagetools create``: one image made of several, tagged once all that it needs is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from router.errors import DialError, RegistryError, RouterError
from router.flags.platform import normalize
from router.model.build_options import Annotation
from router.model.events import SolveStatus, Vertex, VertexLog
from router.model.frozen import frozen, replace
from router.notation.tag import Reference, format_reference
from router.registry.client import RegistryClient, tagged
from router.registry.combining import Combined, Source, combine, only_platforms
from router.registry.copying import copy_image, require_there
from router.registry.descriptor import ImagePlatform, parse_platform_json
from router.registry.document import Document
from router.registry.media_types import MANIFESTS
from router.registry.sources import Given, described, located
from router.untrusted_json import NotJSONError, read_json

__all__ = ["ImageOrder", "combine_image", "publish_image"]


@frozen
class ImageOrder:
    """What the image is to be made of. ``platforms`` are normalised; none are all."""

    sources: tuple[Given, ...]
    tags: tuple[Reference, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    platforms: tuple[str, ...] = ()
    prefer_index: bool = True


def combine_image(client: RegistryClient, order: ImageOrder) -> Combined:
    """Ask for the sources and make the image of them; nothing is written.

    Raises ``UsageError`` for what doesn't go together, ``RegistryError`` for what isn't there, ``DialError``.
    """
    found = [_source(client, each) for each in located(order.sources, order.tags)]
    combined = combine(found, order.annotations, prefer_index=order.prefer_index)
    return only_platforms(combined, order.platforms)


def publish_image(
    client: RegistryClient,
    combined: Combined,
    tags: Sequence[Reference],
    on_event: Callable[[SolveStatus], None],
) -> None:
    """Put the image under all tags: first what it needs into every repository, then the tags.

    Raises ``DialError``, ``RegistryError``; if a tag is refused, the message says which were set before.
    """
    repositories: dict[str, list[Reference]] = {}
    for tag in map(tagged, tags):
        repositories.setdefault(tag.repository, []).append(tag)
    for repository, references in repositories.items():
        with _step(f"[internal] copying to {repository}", on_event) as tell:
            for child, source in combined.children:
                tell(f"copying {child.digest} from {format_reference(source)} to {repository}")
                copy_image(client, source, references[0], child)
            # A registry may have forgotten the first when the last is there.
            require_there(client, references[0], [child.digest for child, _ in combined.children])
    done: list[str] = []
    for repository, references in repositories.items():
        with _step(f"[internal] pushing {repository}", on_event) as tell:
            for reference in references:
                tell(f"pushing {combined.document.descriptor.digest} to {format_reference(reference)}")
                _tag(client, combined.document, reference, done)


def _tag(client: RegistryClient, image: Document, reference: Reference, done: list[str]) -> None:
    try:
        client.push(reference, image)
    except (DialError, RegistryError) as exc:
        if not done:
            raise
        kind = RegistryError if isinstance(exc, RegistryError) else DialError
        said = f"{exc}; set before: {', '.join(done)}"
        raise kind(said, hint=exc.hint, reason=exc.reason) from exc
    done.append(format_reference(reference))


def _source(client: RegistryClient, given: Given) -> Source:
    assert given.reference is not None
    reference = tagged(given.reference)
    document = client.pull(reference)
    descriptor = described(given, document.descriptor)
    if descriptor.media_type in MANIFESTS:
        platform = descriptor.platform or ImagePlatform()
        if not platform.os or not platform.architecture:
            platform = _completed(platform, _config_platform(client, reference, document))
        descriptor = replace(descriptor, platform=platform)
    return Source(reference=reference, document=replace(document, descriptor=descriptor))


def _config_platform(client: RegistryClient, reference: Reference, manifest: Document) -> ImagePlatform:
    config = manifest.blobs[0]
    try:
        found = parse_platform_json(read_json(client.blob(reference, config)))
    except NotJSONError as exc:
        raise RegistryError(f"the config {config.digest} of {format_reference(reference)} {exc}") from exc
    name = "/".join((found.os or "linux", found.architecture, found.variant)).rstrip("/")
    system, architecture, variant = (*normalize(name).split("/"), "", "")[:3]
    return ImagePlatform(os=system, architecture=architecture, variant=variant)


def _completed(given: ImagePlatform, config: ImagePlatform) -> ImagePlatform:
    """Fill in from the image's config what a descriptor leaves open."""
    if given.architecture:
        architecture, variant = given.architecture, given.variant
    else:
        architecture, variant = config.architecture, given.variant or config.variant
    return replace(given, os=given.os or config.os, architecture=architecture, variant=variant)


@contextmanager
def _step(name: str, on_event: Callable[[SolveStatus], None]) -> Iterator[Callable[[str], None]]:
    """Tell a piece of work as a step of a build; yield what tells of its progress."""
    vertex = Vertex(digest=name, name=name, started=time.time_ns())
    on_event(SolveStatus(vertexes=(vertex,)))

    def tell(line: str) -> None:
        log = VertexLog(vertex=name, data=f"{line}\n".encode(), timestamp=time.time_ns())
        on_event(SolveStatus(logs=(log,)))

    try:
        yield tell
    except RouterError as exc:
        on_event(SolveStatus(vertexes=(replace(vertex, completed=time.time_ns(), error=str(exc)),)))
        raise
    on_event(SolveStatus(vertexes=(replace(vertex, completed=time.time_ns()),)))
