"""``--build-arg`` and ``--label``: a name, and a value after the equals sign.

Build arguments may hold what nobody should see in a log, so messages name the argument at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.notation.flag import Flag

__all__ = ["format_key_values", "parse_build_args", "parse_labels"]

_BUILD_ARG = Flag(name="--build-arg", example="VERSION=1.0", secret=True)
_LABEL = Flag(name="--label", example="org.opencontainers.image.vendor=example", secret=True)


def parse_build_args(texts: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Parse ``NAME=VALUE`` and ``NAME``, which takes the value from ``environment`` and counts for nothing
    where that has none. The last of several wins. Raises ``UsageError``."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = _split(text, _BUILD_ARG)
        if equals:
            found[name] = value
        elif name in environment:
            found[name] = environment[name]
    return found


def parse_labels(texts: Iterable[str]) -> dict[str, str]:
    """Parse ``NAME=VALUE`` and ``NAME``, whose value is empty. The last of several wins.

    Raises ``UsageError``.
    """
    return {name: value for name, _, value in (_split(text, _LABEL) for text in texts)}


def format_key_values(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts that are read as ``values``."""
    return tuple(f"{name}={value}" for name, value in values.items())


def _split(text: str, flag: Flag) -> tuple[str, str, str]:
    name, equals, value = text.partition("=")
    if not name:
        raise flag.error(text, "the name before the equals sign is missing")
    if not equals:
        flag.refuse_path(name, "NAME=VALUE or NAME")
    return name, equals, value
