"""``--ulimit NAME=SOFT[:HARD]``: limits of the processes of a step; -1 is no limit."""

from __future__ import annotations

import re
from collections.abc import Iterable

from router.model.build_options import Ulimit
from router.notation.flag import Flag

__all__ = ["Ulimit", "format_ulimit", "parse_ulimit", "parse_ulimits"]

_FLAG = Flag(name="--ulimit", example="nofile=1024:2048")

_NAMES = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile"),
    *("nproc", "rss", "rtprio", "rttime", "sigpending", "stack"),
)
_NUMBER = r"[+-]?[0-9]{1,18}"


def parse_ulimits(texts: Iterable[str]) -> tuple[Ulimit, ...]:
    """Parse several, sorted by name; the last of those with the same name counts. Raises ``UsageError``."""
    by_name = {limit.name: limit for limit in map(parse_ulimit, texts)}
    return tuple(by_name[name] for name in sorted(by_name))


def parse_ulimit(text: str) -> Ulimit:
    """Parse one; the hard limit is the soft one where it isn't given. Raises ``UsageError``."""
    name, equals, limits = text.partition("=")
    if not equals:
        raise _FLAG.error(text, "it is not of the form NAME=SOFT[:HARD]")
    if name not in _NAMES:
        raise _FLAG.error(text, f"unknown limit {name} (one of {', '.join(_NAMES)})")
    soft_text, colon, hard_text = limits.partition(":")
    if not colon:
        hard_text = soft_text
    if not (re.fullmatch(_NUMBER, soft_text) and re.fullmatch(_NUMBER, hard_text)):
        raise _FLAG.error(text, "a limit is a whole number, -1 for none")
    soft, hard = int(soft_text), int(hard_text)
    if hard != -1 and (soft == -1 or soft > hard):
        raise _FLAG.error(text, "the soft limit is above the hard one")
    return Ulimit(name=name, soft=soft, hard=hard)


def format_ulimit(limit: Ulimit) -> str:
    """Return the text that ``parse_ulimit`` reads as ``limit``."""
    return f"{limit.name}={limit.soft}:{limit.hard}"
