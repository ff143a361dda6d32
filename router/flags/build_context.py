"""``--build-context NAME=VALUE``: further contexts, which stages and ``FROM`` name.

A value is a directory, a git or http URL, an image (``docker-image://``), or an image in a directory
(``oci-layout://``). A name may end in ``::PLATFORM``: the context counts for that platform only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from router.flags.platform import parse_platform
from router.notation.flag import Flag
from router.notation.git import parse_git_context
from router.notation.oci_reference import is_oci_reference, parse_oci_reference
from router.notation.tag import parse_reference
from router.notation.url import without_credentials

__all__ = ["BUILD_CONTEXT", "ContextKind", "context_kind", "format_build_contexts", "parse_build_contexts"]

ContextKind = Literal["directory", "git", "http", "image", "oci-layout"]

BUILD_CONTEXT = Flag(name="--build-context", example="base=docker-image://alpine:3")

_IMAGE = "docker-image://"
# A context of one platform goes by its name, and this, and the platform.
_PLATFORM = "::"


def parse_build_contexts(texts: Iterable[str]) -> dict[str, str]:
    """Return values by their names; a name that is an image's is written in its short form.

    The last of several wins, empty texts count for nothing. Raises ``UsageError``.
    """
    found: dict[str, str] = {}
    for text in filter(None, texts):
        shown = without_credentials(text)
        name, equals, value = text.partition("=")
        if not equals:
            raise BUILD_CONTEXT.error(shown, "it is not of the form NAME=VALUE")
        if not value:
            raise BUILD_CONTEXT.error(shown, "the value after the equals sign is missing")
        _check(value, shown)
        found[_name(name)] = value
    return found


def format_build_contexts(contexts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts that ``parse_build_contexts`` reads as ``contexts``."""
    return tuple(f"{name}={value}" for name, value in contexts.items())


def context_kind(value: str) -> ContextKind:
    """Say what a value names; whether a directory is there has to be looked for.

    Raises ``UsageError`` for a git URL that contradicts itself.
    """
    if value.startswith(_IMAGE):
        return "image"
    if is_oci_reference(value):
        return "oci-layout"
    if parse_git_context(value) is not None:
        return "git"
    return "http" if value.startswith(("http://", "https://")) else "directory"


def _name(text: str) -> str:
    name, separator, platform = text.partition(_PLATFORM)
    # FROM alpine and FROM alpine:latest are the same image, and so the same context.
    short = parse_reference(name, BUILD_CONTEXT).familiar.removesuffix(":latest")
    if not separator:
        return short
    if "/" not in platform:
        raise BUILD_CONTEXT.error(text, f"what follows {_PLATFORM} is not a platform such as linux/arm64")
    return f"{short}{_PLATFORM}{parse_platform(platform, local='', flag=BUILD_CONTEXT)}"


def _check(value: str, shown: str) -> None:
    if value.startswith("target:"):
        raise BUILD_CONTEXT.error(
            shown, "target: names another target of a bake file, and this is a single build"
        )
    match context_kind(value):
        case "image":
            parse_reference(value.removeprefix(_IMAGE), BUILD_CONTEXT)
        case "oci-layout":
            parse_oci_reference(value, BUILD_CONTEXT)
        case _:
            pass
