"""File patterns as text: Go's ``filepath.Clean``, and whether a pattern is one.

A daemon mostly asks for plain names. The modules that read and match wildcards (`globs`, `goregexp`,
`matching`, `automaton`) are loaded by the first wildcard.
"""

from __future__ import annotations

import posixpath

__all__ = ["clean", "has_wildcard"]

_WILDCARDS = frozenset("*?[")


def clean(path: str) -> str:
    """Return the shortest path that means the same: ``.`` for nothing, no slash at the end."""
    shortest = posixpath.normpath(path)
    # POSIX allows two leading slashes a meaning of their own; Go doesn't.
    return shortest[1:] if shortest.startswith("//") else shortest


def has_wildcard(name: str) -> bool:
    """Say whether a name is a pattern: whether it has a wildcard without a backslash before it."""
    characters = iter(name)
    for character in characters:
        if character == "\\":
            next(characters, None)
        elif character in _WILDCARDS:
            return True
    return False
