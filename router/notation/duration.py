"""Durations in Go's form (``500ms``, ``1m30s``), which names the unit of each number; 0 needs none."""

from __future__ import annotations

import re

from router.notation.flag import Flag

__all__ = ["format_duration", "parse_duration"]

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_PART = re.compile(rf"({_NUMBER})(ns|us|µs|ms|s|m|h)", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


def parse_duration(text: str, flag: Flag) -> float:
    """Return seconds, never negative. Raises ``UsageError`` naming ``flag``."""
    if text == "0":
        return 0.0
    if not _WHOLE.fullmatch(text):
        raise flag.error(text, "a duration is a number with a unit (ms, s, m, h), such as 30s or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """Return ``seconds`` to the nanosecond, in seconds."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"
