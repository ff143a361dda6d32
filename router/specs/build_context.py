"""``--build-context NAME=VALUE``: further contexts, which stages and ``FROM`` name.

A value is a directory, a git or http URL, an image (``docker-image://``), or an OCI layout
(``oci-layout://``). Which of them is decided where it is used: a directory has to be looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.specs.flag import Flag
from router.specs.tag import parse_reference
from router.specs.url import without_credentials

__all__ = ["format_build_contexts", "parse_build_contexts"]

_FLAG = Flag(name="--build-context", example="base=docker-image://alpine:3")


def parse_build_contexts(texts: Iterable[str]) -> dict[str, str]:
    """Return values by their names; a name that is an image's is written in its short form.

    The last of several wins, empty texts count for nothing. Raises ``UsageError``.
    """
    found: dict[str, str] = {}
    for text in filter(None, texts):
        shown = without_credentials(text)
        name, equals, value = text.partition("=")
        if not equals:
            raise _FLAG.error(shown, "it is not of the form NAME=VALUE")
        if not value:
            raise _FLAG.error(shown, "the value after the equals sign is missing")
        # FROM alpine and FROM alpine:latest are the same image, and so the same context.
        found[parse_reference(name, _FLAG).familiar.removesuffix(":latest")] = value
    return found


def format_build_contexts(contexts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts that ``parse_build_contexts`` reads as ``contexts``."""
    return tuple(f"{name}={value}" for name, value in contexts.items())
