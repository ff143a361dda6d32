"""Options that take ``NAME=VALUE`` for Kubernetes: labels, annotations, variables, requests and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.notation.flag import Flag
from router.notation.quantity import Quantity, parse_quantity

__all__ = ["format_pairs", "parse_pairs", "parse_quantities"]


def parse_pairs(texts: Iterable[str], flag: Flag, *, commas: bool = False) -> dict[str, str]:
    """Return values by name, of each name the last. With ``commas`` a text may hold several.

    Raises ``UsageError`` naming ``flag``.
    """
    found: dict[str, str] = {}
    for text in texts:
        for part in text.split(",") if commas else (text,):
            name, equals, value = part.strip().partition("=")
            if not name or not equals:
                raise flag.error(text, "it must have the form NAME=VALUE")
            found[name] = value
    return found


def parse_quantities(texts: Iterable[str], flag: Flag) -> dict[str, Quantity]:
    """Return quantities by resource (``cpu=2,memory=4Gi``). Raises ``UsageError`` naming ``flag``."""
    return {
        name: parse_quantity(value, flag) for name, value in parse_pairs(texts, flag, commas=True).items()
    }


def format_pairs(values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the texts that are read as ``values``, or as quantities."""
    return tuple(f"{name}={value}" for name, value in values.items())
