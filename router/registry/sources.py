"""What ``imagetools create`` makes an index of: images by name, by digest, or as a descriptor. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import RegistryError, UsageError
from router.model.frozen import frozen, replace
from router.notation.digest import is_digest
from router.notation.flag import Flag
from router.notation.tag import Reference, parse_reference
from router.registry.descriptor import Descriptor, ImagePlatform, parse_descriptor, parse_platform_json
from router.registry.media_types import INDEXES, MANIFESTS
from router.untrusted_json import NotJSONError, integer, member, members, read_json, text

__all__ = ["Given", "described", "located", "parse_sources"]

_FLAG = Flag(name="source", example="registry.example.com/team/app:1.0-amd64")


@frozen
class Given:
    """A source as given. ``changes`` are what a descriptor says of its manifest beside its digest; a
    ``reference`` that has neither tag nor digest means ``latest``."""

    reference: Reference | None = None
    digest: str = ""
    size: int = 0
    media_type: str = ""
    platform: ImagePlatform | None = None
    annotations: tuple[tuple[str, str], ...] = ()


def parse_sources(texts: Sequence[str]) -> tuple[Given, ...]:
    """Read sources: names, digests, or descriptors in JSON. Raises ``UsageError``."""
    return tuple(map(_parse, texts))


def _parse(source: str) -> Given:
    if is_digest(source):
        return Given(digest=source)
    if source.lstrip().startswith("{"):
        return _parse_descriptor(source)
    if source.startswith("sha256"):
        raise _FLAG.error(source, "it is not a valid digest")
    return Given(reference=parse_reference(source, _FLAG))


def _parse_descriptor(source: str) -> Given:
    try:
        value = read_json(source)
    except NotJSONError as exc:
        raise UsageError(f"the descriptor {exc}", hint="for example: -f descriptor.json") from exc
    sized = {"size": 0, **members(value)}
    try:
        found = parse_descriptor(sized, "the source")
    except RegistryError as exc:
        raise UsageError(str(exc)) from exc
    return Given(
        digest=found.digest,
        size=integer(sized, "size") or 0,
        media_type=text(sized, "mediaType"),
        platform=parse_platform_json(member(sized, "platform")) if found.platform else None,
        annotations=tuple(found.annotations.items()),
    )


def located(sources: Sequence[Given], tags: Sequence[Reference]) -> tuple[Given, ...]:
    """Say of each source where it is: those by digest are in the one repository that everything else is in.

    Raises ``UsageError`` where there are several.
    """
    named = [each.reference for each in sources if each.reference]
    repositories = {each.repository: each for each in [*tags, *named]}
    if not repositories:
        raise UsageError("no repository is named", hint="give --tag, or a source with a name")
    home = next(iter(repositories.values())) if len(repositories) == 1 else None
    return tuple(_located(each, home) for each in sources)


def _located(source: Given, home: Reference | None) -> Given:
    if source.reference is not None:
        return source
    if home is None:
        raise UsageError(
            f"several repositories are named, so it isn't clear where {source.digest} is",
            hint=f"name it with its repository: REPOSITORY@{source.digest}",
        )
    return replace(source, reference=replace(home, tag="", digest=source.digest))


def described(source: Given, found: Descriptor) -> Descriptor:
    """Return the descriptor of what was found, changed as the source says. Raises ``UsageError``."""
    if source.size and source.size != found.size:
        raise UsageError(f"{found.digest} has {found.size} bytes, its descriptor says {source.size}")
    kinds = (INDEXES, MANIFESTS)
    if source.media_type and not any({source.media_type, found.media_type} <= kind for kind in kinds):
        raise UsageError(
            f"{found.digest} is of the type {found.media_type}, its descriptor says {source.media_type}"
        )
    return replace(
        found,
        media_type=source.media_type or found.media_type,
        annotations=dict(source.annotations) or found.annotations,
        platform=source.platform or found.platform,
    )
