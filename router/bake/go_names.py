"""Paths and names as Go's package ``path`` has them: the shortest form, and patterns that match."""

from __future__ import annotations

import re
from functools import lru_cache

from router.bake.places import DefinitionFault

__all__ = ["clean_path", "is_pattern", "matches"]

_TOKEN = re.compile(r"\*+|\?|\[(\^?)((?:\\.|[^\\\]])(?:\\.|[^\\\]])*)\]|\\(.)|([^*?\[\\])", re.DOTALL)
_RANGE = re.compile(r"(\\.|[^\\])(?:-(\\.|[^\\]))?", re.DOTALL)


def is_pattern(text: str) -> bool:
    """Whether a name is a pattern."""
    return any(each in text for each in "*?[]")


def matches(pattern: str, name: str) -> bool:
    """Whether a name matches; nothing in a pattern matches a slash. Raises ``DefinitionFault`` for a pattern
    that is none."""
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    made: list[str] = []
    position = 0
    while position < len(pattern):
        match = _TOKEN.match(pattern, position)
        if match is None:
            raise DefinitionFault(f'"{pattern}" is not a pattern')
        position = match.end()
        found = match[0]
        if found.startswith("*"):
            made.append(r"[^/]*+")
        elif found == "?":
            made.append("[^/]")
        elif match[2] is not None:
            made.append(f"[{match[1]}{''.join(_ranges(match[2]))}]")
        else:
            made.append(re.escape(match[3] or match[4]))
    return re.compile(_backtracking(made), re.DOTALL)


def _backtracking(parts: list[str]) -> str:
    """Return the expression; a star takes as little as what follows needs, so that two don't multiply."""
    joined: list[str] = []
    for index, part in enumerate(parts):
        if part != r"[^/]*+":
            joined.append(part)
            continue
        rest = parts[index + 1 :]
        if not rest:
            joined.append("[^/]*")
            continue
        # The leftmost place where the parts up to the next star fit will do for the whole.
        until = next((number for number, each in enumerate(rest) if each == r"[^/]*+"), None)
        chunk = "".join(rest if until is None else rest[:until])
        joined.append(f"[^/]*{chunk}" if until is None else f"(?>[^/]*?{chunk})")
        return "".join(joined) + ("" if until is None else _backtracking(rest[until:]))
    return "".join(joined)


def _ranges(text: str) -> list[str]:
    made: list[str] = []
    for match in _RANGE.finditer(text):
        low, high = match[1][-1], (match[2] or match[1])[-1]
        made.append(f"{re.escape(low)}-{re.escape(high)}")
    return made


def clean_path(path: str) -> str:
    """Return the shortest path that is the same: as Go's ``path.Clean``."""
    rooted = path.startswith("/")
    kept: list[str] = []
    for part in path.split("/"):
        if part in {"", "."}:
            continue
        if part != "..":
            kept.append(part)
        elif kept and kept[-1] != "..":
            kept.pop()
        elif not rooted:
            kept.append(part)
    joined = "/".join(kept)
    return f"/{joined}" if rooted else joined or "."
