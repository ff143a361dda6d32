"""Go's ``filepath.Match`` and ``filepath.Clean``, which file patterns are defined by.

Text stands for bytes by way of ``surrogateescape``: one character for each rune, and for each byte of a name
that is no UTF-8, just as Go counts them.
"""

from __future__ import annotations

import posixpath
import re

__all__ = ["GlobError", "check_glob", "clean", "glob_to_regexp", "has_wildcard"]

_WILDCARDS = frozenset("*?[")
# Asterisks, and what follows up to the next ones; those in brackets are characters like any other.
_PART = r"(?s)(\**)((?:\\.|\[(?:\\.|[^\]\\])*\]?|[^*\\\[]|\\\Z)*)"


class GlobError(ValueError):
    """The pattern isn't well formed."""


def clean(path: str) -> str:
    """Return the shortest path that means the same: ``.`` for nothing, no slash at the end."""
    shortest = posixpath.normpath(path)
    # POSIX lets two leading slashes mean something else; Go doesn't.
    return shortest[1:] if shortest.startswith("//") else shortest


def has_wildcard(name: str) -> bool:
    """Say whether a name is a pattern: whether a wildcard stands in it without a backslash before it."""
    characters = iter(name)
    for character in characters:
        if character == "\\":
            next(characters, None)
        elif character in _WILDCARDS:
            return True
    return False


def glob_to_regexp(pattern: str) -> str:
    """Return a regular expression for ``re.fullmatch``. Raises GlobError where Go says ErrBadPattern."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            out.append("[^/]*")
        elif character == "?":
            out.append("[^/]")
        elif character == "[":
            text, position = _class(pattern, position)
            out.append(text)
        else:
            if character == "\\":
                character = pattern[position : position + 1]
                position += 1
                if not character:
                    raise GlobError("it ends with a backslash")
            out.append(re.escape(character))
    return "".join(out)


def check_glob(pattern: str) -> None:
    """Raise GlobError where Go's ``Match(pattern, ".")`` says ErrBadPattern.

    That is how patterns are checked before they are used, and it looks no further than the first part that
    the dot doesn't match.
    """
    name = "."
    parts = [part for part in re.findall(_PART, pattern) if any(part)]
    for number, (stars, part) in enumerate(parts, 1):
        expression = re.compile(glob_to_regexp(part))
        for start in range(len(name) + 1 if stars else 1):
            found = expression.match(name, start)
            if found and (found.end() == len(name) or number < len(parts)):
                name = name[found.end() :]
                break
        else:
            return


def _class(pattern: str, position: int) -> tuple[str, int]:
    """Translate what follows ``[``; return it and where the pattern goes on."""
    negated = pattern[position : position + 1] == "^"
    position += negated
    ranges: list[str] = []
    empty = True
    while empty or pattern[position : position + 1] != "]":
        low, position = _class_character(pattern, position)
        high = low
        if pattern[position] == "-":
            high, position = _class_character(pattern, position + 1)
        empty = False
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    if not ranges:
        return ("(?s:.)" if negated else "(?!)"), position + 1
    return f"[{'^' if negated else ''}{''.join(ranges)}]", position + 1


def _class_character(pattern: str, position: int) -> tuple[str, int]:
    character = pattern[position : position + 1]
    if character == "\\":
        position += 1
        character = pattern[position : position + 1]
    elif character in ("-", "]"):
        character = ""
    if not character or position + 1 >= len(pattern):
        raise GlobError("a bracket isn't closed, or nothing is in it")
    return character, position + 1
