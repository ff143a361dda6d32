"""On which line of a TOML file a key stands: for messages, since the standard library's reader doesn't tell.

It knows tables and keys as people write them. What looks like a key inside a text of several lines may be
taken for one.
"""

from __future__ import annotations

import re
import tomllib

__all__ = ["line_of"]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_TABLE = re.compile(rf"[ \t]*\[[ \t]*({_KEY})[ \t]*\]")
_VALUE = re.compile(rf"[ \t]*({_KEY})[ \t]*=")


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the number of the line, from 1: that of the key, else of the nearest table around it, else 1."""
    best, depth = 1, 0
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _TABLE.match(line):
            here = table = _parts(header[1])
        elif value := _VALUE.match(line):
            here = (*table, *_parts(value[1]))
        else:
            continue
        if len(here) > depth and here == path[: len(here)]:
            best, depth = number, len(here)
        elif depth == 0 and here[: len(path)] == path:
            best, depth = number, len(path)
    return best


def _parts(key: str) -> tuple[str, ...]:
    return tuple(map(_unquoted, re.findall(_PART, key)))


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    try:
        return str(tomllib.loads(f"x = {part}")["x"])
    except ValueError:
        return part  # it only looked like a key
