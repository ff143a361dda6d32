"""One index of several images, byte for byte the one that buildx makes of them. Pure.

What makes an image what it is stays as it was pushed: an index holds descriptors of manifests, and those that
attest to one of them come along with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from router.errors import UsageError
from router.model.build_options import Annotation
from router.model.frozen import frozen, replace
from router.notation.tag import Reference
from router.registry.descriptor import Descriptor, descriptor_json, parse_descriptor
from router.registry.document import Document
from router.registry.go_json import go_json
from router.registry.media_types import DOCKER_LIST, OCI_INDEX
from router.untrusted_json import integer, member, members, read_json, text

__all__ = ["Combined", "Source", "combine", "only_platforms"]

_DOCKER = "application/vnd.docker."
_REFERENCE_TYPE = "vnd.docker.reference.type"
_REFERENCE_DIGEST = "vnd.docker.reference.digest"
_ATTESTATION = "attestation-manifest"


@frozen
class Source:
    """An image and where it is. ``document.descriptor`` has the platform of a single image."""

    reference: Reference
    document: Document

    @property
    def listed(self) -> tuple[Descriptor, ...]:
        """What an index of it lists: the manifests of an index, or the manifest itself."""
        return self.document.manifests if self.document.is_index else (self.document.descriptor,)


@frozen
class Combined:
    """What is to be tagged, and which manifests it needs, each with the repository that has it."""

    document: Document
    children: tuple[tuple[Descriptor, Reference], ...] = ()

    @property
    def is_docker(self) -> bool:
        """Whether it has Docker's media types, which have no annotations."""
        return self.document.descriptor.media_type.startswith(_DOCKER)


def combine(sources: Sequence[Source], annotations: Sequence[Annotation], *, prefer_index: bool) -> Combined:
    """Make an index of the sources; one that is an index already, or is to stay what it is, is left so.

    Raises ``UsageError`` for annotations that an index can't hold.
    """
    first = sources[0]
    if len(sources) == 1 and not annotations and (first.document.is_index or not prefer_index):
        return Combined(
            document=first.document, children=tuple((each, first.reference) for each in first.listed)
        )
    found: dict[str, tuple[Descriptor, Reference]] = {}
    for source in sources:
        for each in source.listed:
            old = found.get(each.digest)
            found[each.digest] = (_merged(old[0], each) if old else each, source.reference)
    listed = tuple(each for each, _ in found.values())
    docker = all(each.media_type.startswith(_DOCKER) for each in listed)
    # Docker's lists have no annotations.
    kept = () if docker else annotations
    listed = tuple(_annotated(each, kept) for each in listed)
    index = {
        "schemaVersion": 2,
        "mediaType": DOCKER_LIST if docker else OCI_INDEX,
        "manifests": [descriptor_json(each) for each in listed],
    }
    on_index = {each.key: each.value for each in kept if each.type == "index"}
    if on_index:
        index["annotations"] = dict(sorted(on_index.items()))
    places = [reference for _, reference in found.values()]
    return Combined(
        document=_written(index, Descriptor(media_type=str(index["mediaType"]), digest="", size=0)),
        children=tuple(zip(listed, places, strict=True)),
    )


def only_platforms(combined: Combined, platforms: Sequence[str]) -> Combined:
    """Keep of an index what is for these platforms, what is for none, and what attests to either.

    Raises ``UsageError`` where nothing is left.
    """
    document = combined.document
    if not platforms:
        return combined
    wanted = frozenset(platforms)
    if not document.is_index:
        if not _fits(document.descriptor, wanted):
            raise _none_left(platforms)
        return combined
    listed = {each.digest: each for each, _ in combined.children}
    kept = tuple(
        (each, place)
        for each, place in combined.children
        if _fits(each, wanted) or _attests(each, listed, wanted)
    )
    if not kept:
        raise _none_left(platforms)
    if len(kept) == len(combined.children):
        return combined
    rewritten = _rewritten(document, [each for each, _ in kept])
    return Combined(document=_written(rewritten, document.descriptor), children=kept)


def _none_left(platforms: Sequence[str]) -> UsageError:
    return UsageError(
        f"none of the images is for {', '.join(platforms)}",
        hint="warmroute imagetools inspect lists the platforms of an image",
    )


def _fits(descriptor: Descriptor, wanted: frozenset[str]) -> bool:
    return descriptor.platform is None or descriptor.platform.normalized in wanted


def _attests(descriptor: Descriptor, listed: Mapping[str, Descriptor], wanted: frozenset[str]) -> bool:
    if descriptor.annotations.get(_REFERENCE_TYPE) != _ATTESTATION:
        return False
    subject = listed.get(descriptor.annotations.get(_REFERENCE_DIGEST, ""))
    return subject is not None and _fits(subject, wanted)


def _merged(old: Descriptor, new: Descriptor) -> Descriptor:
    return replace(
        old,
        media_type=old.media_type or new.media_type,
        platform=new.platform or old.platform,
        annotations={**old.annotations, **new.annotations},
    )


def _annotated(descriptor: Descriptor, annotations: Sequence[Annotation]) -> Descriptor:
    added = dict(descriptor.annotations)
    for each in annotations:
        match each.type:
            case "index":
                pass
            case "manifest-descriptor":
                platform = descriptor.platform
                if not each.platform or (platform is not None and platform.name == each.platform):
                    added[each.key] = each.value
            case other:
                raise UsageError(
                    f"the annotation {each.key} is for the {other or 'manifest'}, "
                    "which stays as it was pushed",
                    hint=f"annotate the index or what it says of a manifest: --annotation index:{each.key}="
                    f" or manifest-descriptor:{each.key}=",
                )
    return replace(descriptor, annotations=added)


def _rewritten(document: Document, kept: Sequence[Descriptor]) -> dict[str, object]:
    """Return an index with other manifests, its members in the order of OCI's Go struct."""
    value = document.value
    found: dict[str, object] = {"schemaVersion": integer(value, "schemaVersion") or 0}
    for name in ("mediaType", "artifactType"):
        if text(value, name):
            found[name] = text(value, name)
    found["manifests"] = [descriptor_json(each) for each in kept]
    subject = member(value, "subject")
    if isinstance(subject, dict):
        found["subject"] = descriptor_json(parse_descriptor(subject, "the index"))
    annotations = {
        name: each for name, each in members(value, "annotations").items() if isinstance(each, str)
    }
    if annotations:
        found["annotations"] = dict(sorted(annotations.items()))
    return found


def _written(index: Mapping[str, object], like: Descriptor) -> Document:
    content = go_json(index).encode()
    digest = f"sha256:{sha256(content).hexdigest()}"
    descriptor = Descriptor(
        media_type=like.media_type, digest=digest, size=len(content), annotations=like.annotations
    )
    return Document(descriptor=descriptor, content=content, value=read_json(content))
