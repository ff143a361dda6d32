"""The mark that warmroute leaves on a daemon's record of a build: its key, and how it was placed. Pure.

The mark is stored in the options of the first output: they are recorded as sent, exporters ignore options
that they don't know, and they are part of neither a cache key nor a provenance. A provenance repeats each of
the frontend's options, and the user who started a build should not be published with an image. So the mark is
stored there only for a build without an output, which publishes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.bounds import LONGEST_ID
from router.model.mark import BuildMark

__all__ = ["is_of_a_mark", "mark_attrs", "marked", "started_by"]

_PREFIX = "warmroute."
# Digits of a number; digits of a time, as in a 64-bit integer.
_DIGITS, _NANOSECONDS = 9, 19


def mark_attrs(mark: BuildMark) -> dict[str, str]:
    """Return the options that hold the mark; empty values are left out."""
    values = {
        "key": _shown(mark.key),
        "rule": mark.rule,
        "place": str(mark.place),
        "attempt": str(mark.attempt),
        "fleet": str(mark.fleet or ""),
        "by": mark.by,
        "at": str(mark.at or ""),
    }
    return {_PREFIX + name: value[:LONGEST_ID] for name, value in values.items() if value}


def marked(options: Iterable[Mapping[str, str]]) -> BuildMark | None:
    """Return the mark among the options of a build's outputs and frontend, None where there is none."""
    for attrs in options:
        if _PREFIX + "key" in attrs:
            return BuildMark(
                key=attrs[_PREFIX + "key"],
                rule=attrs.get(_PREFIX + "rule", ""),
                place=_number(attrs.get(_PREFIX + "place", "1")),
                attempt=_number(attrs.get(_PREFIX + "attempt", "1")),
                fleet=_number(attrs.get(_PREFIX + "fleet", "")),
                by=attrs.get(_PREFIX + "by", ""),
                at=_number(attrs.get(_PREFIX + "at", ""), most=_NANOSECONDS),
            )
    return None


def is_of_a_mark(name: str) -> bool:
    """Say whether an option is part of a mark."""
    return name.startswith(_PREFIX)


def started_by(environment: Mapping[str, str], host: str) -> str:
    """Return the user who starts a build, ``user@host``, from the environment only: looking it up elsewhere
    may wait for a directory service."""
    user = environment.get("LOGNAME") or environment.get("USER") or ""
    return f"{user}@{host}" if user else host


def _shown(key: str) -> str:
    """Return a key for display: a user's own key may be a URL with a password."""
    if "@" not in key or "://" not in key:
        return key
    from router.redaction import without_passwords

    return without_passwords(key)


def _number(text: str, most: int = _DIGITS) -> int:
    """Return a number of up to so many digits; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most else 0
