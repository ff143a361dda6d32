"""Go's ``filepath.Match``, which defines file patterns.

Text holds bytes through ``surrogateescape``: one character for each rune, and one for each byte of a name
that isn't UTF-8, just as Go counts them.
"""

from __future__ import annotations

from router.fstransfer.automaton import NOT_SLASH, Item, Kind, complement, one_of

__all__ = ["GlobError", "check_glob", "parse_glob"]


class GlobError(ValueError):
    """The pattern isn't well formed."""


def parse_glob(pattern: str) -> list[Item]:
    """Return the items that match a whole name as ``Match`` does. Raises GlobError where Go says
    ErrBadPattern."""
    items: list[Item] = []
    position = 0
    while position < len(pattern):
        item, position = _next(pattern, position)
        items.append(item)
    return [*items, Item(Kind.END)]


def check_glob(pattern: str) -> None:
    """Raise GlobError where Go's ``Match(pattern, ".")`` says ErrBadPattern.

    Patterns are checked this way before they are used. The check looks no further than the first part that
    the dot doesn't match. A part is the text between two stars.
    """
    part, position = _part(pattern, 0)
    if len(part) == 1 and any(low <= ord(".") <= high for low, high in part[0].ranges):
        _part(pattern, position)


def _part(pattern: str, position: int) -> tuple[list[Item], int]:
    """Read the part after the stars at a position, up to the next star."""
    while pattern.startswith("*", position):
        position += 1
    items: list[Item] = []
    while position < len(pattern) and pattern[position] != "*":
        item, position = _next(pattern, position)
        items.append(item)
    return items, position


def _next(pattern: str, position: int) -> tuple[Item, int]:
    """Return the item at a position, and the position after it."""
    character = pattern[position]
    position += 1
    if character == "*":
        return Item(Kind.MANY, NOT_SLASH), position
    if character == "?":
        return Item(Kind.ONE, NOT_SLASH), position
    if character == "[":
        return _class(pattern, position)
    if character == "\\":
        character = pattern[position : position + 1]
        position += 1
        if not character:
            raise GlobError("it ends with a backslash")
    # A literal matches itself, also if it is a byte that isn't UTF-8.
    return Item(Kind.ONE, ((ord(character), ord(character)),)), position


def _class(pattern: str, position: int) -> tuple[Item, int]:
    """Read the rest of a class after its ``[``."""
    negated = pattern[position : position + 1] == "^"
    position += negated
    ranges: list[tuple[int, int]] = []
    empty = True
    while empty or pattern[position : position + 1] != "]":
        low, position = _class_character(pattern, position)
        high = low
        if pattern[position] == "-":
            high, position = _class_character(pattern, position + 1)
        empty = False
        if low <= high:
            ranges.append((ord(low), ord(high)))
    return one_of(complement(ranges) if negated else tuple(sorted(set(ranges)))), position + 1


def _class_character(pattern: str, position: int) -> tuple[str, int]:
    character = pattern[position : position + 1]
    if character == "\\":
        position += 1
        character = pattern[position : position + 1]
    elif character in ("-", "]"):
        character = ""
    if not character or "\udc80" <= character <= "\udcff" or position + 1 >= len(pattern):
        raise GlobError("a bracket isn't closed, or is empty")
    return character, position + 1
