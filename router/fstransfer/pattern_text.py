"""File patterns as text: Go's ``filepath.Clean``, and whether a pattern is one.

Most of what a daemon asks for are plain names. What reads and matches wildcards (`globs`, `goregexp`,
`matching`, `automaton`) is loaded by the first of them.
"""

from __future__ import annotations

import posixpath

__all__ = ["clean", "has_wildcard"]

_WILDCARDS = frozenset("*?[")


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
