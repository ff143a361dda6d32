"""``--annotation [TYPE[PLATFORM],...:]KEY=VALUE``: annotations of the image's manifests and indexes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from router.flags.platform import parse_platform
from router.model.build_options import Annotation
from router.notation.flag import Flag

__all__ = ["Annotation", "format_annotation", "parse_annotations"]

_FLAG = Flag(name="--annotation", example="index:org.opencontainers.image.title=app")

_TYPES = ("manifest", "index", "manifest-descriptor", "index-descriptor")
_TARGET = r"([a-z-]+)(?:\[([A-Za-z0-9_/-]+)\])?"


def parse_annotations(texts: Iterable[str], *, local: str) -> tuple[Annotation, ...]:
    """Parse several. A text that names several types stands for as many annotations.

    ``local`` is what the platform ``local`` stands for. Raises ``UsageError``.
    """
    return tuple(annotation for text in texts if text for annotation in _parse(text, local))


def format_annotation(annotation: Annotation) -> str:
    """Return the text that ``parse_annotations`` reads as this one."""
    platform = f"[{annotation.platform}]" if annotation.platform else ""
    target = f"{annotation.type}{platform}:" if annotation.type else ""
    return f"{target}{annotation.key}={annotation.value}"


def _parse(text: str, local: str) -> Iterable[Annotation]:
    name, equals, value = text.partition("=")
    if not equals:
        raise _FLAG.error(text, "it is not of the form KEY=VALUE")
    targets, colon, key = name.partition(":")
    if not colon:
        targets, key = "", name
    if not key:
        raise _FLAG.error(text, "the key before the equals sign is missing")
    if not colon:
        return [Annotation(key=key, value=value)]
    return [_of_target(text, target, local, (key, value)) for target in targets.split(",")]


def _of_target(text: str, target: str, local: str, pair: tuple[str, str]) -> Annotation:
    match = re.fullmatch(_TARGET, target)
    if match is None or match[1] not in _TYPES:
        raise _FLAG.error(
            text,
            f'unknown target "{target}": {", ".join(_TYPES)} exist, with [PLATFORM] if need be',
        )
    platform = parse_platform(match[2], local=local, flag=_FLAG) if match[2] else ""
    key, value = pair
    return Annotation(key=key, value=value, type=match[1], platform=platform)
