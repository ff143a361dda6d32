"""How long something took, and how long ago it was, in the words of docker and buildx."""

from __future__ import annotations

import time

from cli.render.units import NANOSECONDS

__all__ = ["ago", "instant", "took"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def took(nanoseconds: int | None, *, running: bool = False) -> str:
    """Write how long a build took: ``4.1s``, ``1m  5s``; one that runs still has a plus behind."""
    if nanoseconds is None:
        return ""
    seconds = nanoseconds / NANOSECONDS
    text = f"{seconds:.1f}s" if seconds < _MINUTE else f"{int(seconds) // 60}m {int(seconds) % 60:2}s"
    return f"{text}+" if running else text


def ago(nanoseconds: int) -> str:
    """Write a duration as docker does: ``5 seconds``, ``About a minute``, ``3 days``."""
    seconds = max(nanoseconds, 0) // NANOSECONDS
    if seconds < 1:
        return "Less than a second"
    if seconds < _MINUTE:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    if seconds < 2 * _MINUTE:
        return "About a minute"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} minutes"
    hours = (seconds + _HOUR // 2) // _HOUR
    if hours < 2:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{hours // 24 // 365} years"


def instant(nanoseconds: int | None) -> str | None:
    """Write a time for programs, in UTC to the microsecond; None where there is none."""
    if nanoseconds is None or not 0 <= nanoseconds < 253_402_300_800 * NANOSECONDS:
        return None
    parts = time.gmtime(nanoseconds // NANOSECONDS)
    micro = nanoseconds % NANOSECONDS // 1000
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', parts)}.{micro:06}Z"
