"""Truth values as Go's ``strconv.ParseBool`` reads them, which is what BuildKit's own options take."""

from __future__ import annotations

__all__ = ["parse_bool"]

_TRUE = frozenset(["1", "t", "T", "true", "True", "TRUE"])
_FALSE = frozenset(["0", "f", "F", "false", "False", "FALSE"])


def parse_bool(text: str) -> bool | None:
    """Return the truth value that ``text`` names, None where it names none."""
    if text in _TRUE:
        return True
    return False if text in _FALSE else None
