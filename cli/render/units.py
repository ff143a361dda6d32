"""How BuildKit's displays write sizes and durations."""

from __future__ import annotations

__all__ = ["NANOSECONDS", "format_amount", "format_bar", "format_bytes", "format_log_time", "format_rate"]

NANOSECONDS = 1_000_000_000
"""Nanoseconds in a second: events carry the first, people read the second."""

_BAR = 10
_WORTH_A_RATE = 100_000
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


def format_bar(current: int, total: int) -> str:
    """Draw how much of a known total is done: ``[===>      ]``, ten columns between the brackets."""
    done = max(0, min(_BAR, current * _BAR // total)) if total > 0 else 0
    head = ">" if 0 < done < _BAR else ""
    return f"[{('=' * done)[: done - len(head)]}{head}{' ' * (_BAR - done)}]"


def format_rate(current: int, nanoseconds: int) -> str:
    """Write how fast a transfer is on the average: ``1.23MB/s``; nothing for one too short, or too small."""
    if nanoseconds < NANOSECONDS // 10 or current < _WORTH_A_RATE:
        return ""
    return f"{format_bytes(current * NANOSECONDS // nanoseconds)}/s"


def format_log_time(nanoseconds: int) -> str:
    """Write the time since a step's start that goes before its log lines, about five characters wide."""
    seconds = nanoseconds / NANOSECONDS
    if seconds < 10:
        return f"{seconds:.3f}"
    return f"{seconds:.2f}" if seconds < 100 else f"{seconds:.1f}"
