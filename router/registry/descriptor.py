"""Descriptors: what an index says of a manifest, and a manifest of a blob. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from router.errors import RegistryError
from router.flags.platform import normalize
from router.model.frozen import field, frozen
from router.notation.digest import is_digest
from router.untrusted_json import elements, integer, member, members, text

__all__ = ["Descriptor", "ImagePlatform", "descriptor_json", "parse_descriptor", "parse_platform_json"]


@frozen
class ImagePlatform:
    """What an image runs on, as its index or its config says; nothing is normalised."""

    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``os/arch[/variant]`` as containerd writes it, ``unknown`` without a system."""
        return "/".join(filter(None, (self.os, self.architecture, self.variant))) if self.os else "unknown"

    @property
    def normalized(self) -> str:
        """The one name of this platform, to compare by."""
        return normalize(self.name)


@frozen
class Descriptor:
    """``data`` is embedded content in base64, ``urls`` say where else the content is."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: ImagePlatform | None = None
    urls: tuple[str, ...] = ()
    data: str = ""
    artifact_type: str = ""


def parse_descriptor(value: object, whose: str) -> Descriptor:
    """Read one that ``whose`` names. Raises ``RegistryError`` where its digest or size is none."""
    digest, size = text(value, "digest"), integer(value, "size")
    if not is_digest(digest) or size is None or size < 0:
        raise RegistryError(f"{whose} holds a descriptor without a valid digest and size")
    platform = member(value, "platform")
    return Descriptor(
        media_type=text(value, "mediaType"),
        digest=digest,
        size=size,
        annotations=_texts(members(value, "annotations")),
        platform=parse_platform_json(platform) if isinstance(platform, dict) else None,
        urls=_strings(value, "urls"),
        data=text(value, "data"),
        artifact_type=text(value, "artifactType"),
    )


def parse_platform_json(value: object) -> ImagePlatform:
    """Read the platform of a descriptor or of an image's config; what is missing is empty."""
    return ImagePlatform(
        os=text(value, "os"),
        architecture=text(value, "architecture"),
        variant=text(value, "variant"),
        os_version=text(value, "os.version"),
        os_features=_strings(value, "os.features"),
    )


def descriptor_json(descriptor: Descriptor) -> dict[str, object]:
    """Return the JSON object, its members in the order of OCI's Go structs, the empty ones left out."""
    found: dict[str, object] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    platform = descriptor.platform
    further: dict[str, object] = {
        "urls": list(descriptor.urls),
        "annotations": dict(sorted(descriptor.annotations.items())),
        "data": descriptor.data,
        "platform": None if platform is None else _platform_json(platform),
        "artifactType": descriptor.artifact_type,
    }
    return found | {name: value for name, value in further.items() if value}


def _platform_json(platform: ImagePlatform) -> dict[str, object]:
    further: dict[str, object] = {
        "os.version": platform.os_version,
        "os.features": list(platform.os_features),
        "variant": platform.variant,
    }
    known: dict[str, object] = {"architecture": platform.architecture, "os": platform.os}
    return known | {name: value for name, value in further.items() if value}


def _texts(found: Mapping[str, object]) -> dict[str, str]:
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _strings(value: object, *path: str) -> tuple[str, ...]:
    return tuple(each for each in elements(value, *path) if isinstance(each, str))
