"""How BuildKit's displays write sizes and durations."""

from __future__ import annotations

__all__ = ["NANOSECONDS", "format_amount", "format_bytes", "format_log_time"]

NANOSECONDS = 1_000_000_000
"""Nanoseconds in a second: events carry the first, people read the second."""

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def format_bytes(count: int) -> str:
    """Write a size in decimal units: ``123B``, ``1.23kB``."""
    magnitude, unit = abs(count), 0
    while magnitude >= 1000 and unit < len(_UNITS) - 1:
        magnitude //= 1000
        unit += 1
    if unit == 0:
        return f"{count}B"
    return f"{count / 1000**unit:.2f}{_UNITS[unit]}"


def format_amount(current: int, total: int) -> str:
    """Write how far a transfer is: ``1.23kB / 4.50MB``, one size where the total is unknown, or nothing."""
    if total:
        return f"{format_bytes(current)} / {format_bytes(total)}"
    return format_bytes(current) if current else ""


def format_log_time(nanoseconds: int) -> str:
    """Write the time since a step's start that goes before its log lines, about five characters wide."""
    seconds = nanoseconds / NANOSECONDS
    if seconds < 10:
        return f"{seconds:.3f}"
    return f"{seconds:.2f}" if seconds < 100 else f"{seconds:.1f}"
