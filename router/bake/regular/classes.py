"""Sets of characters: what a class, an escape or a dot matches."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["ANY", "DIGIT", "NOT_NEWLINE", "POSIX", "SPACE", "WORD", "CharacterSet", "of_ranges"]

_LAST = 0x10FFFF


class CharacterSet(NamedTuple):
    """Ranges of code points, and Unicode categories (each with whether it is meant or its opposite)."""

    ranges: tuple[tuple[int, int], ...] = ()
    categories: tuple[tuple[str, bool], ...] = ()
    negated: bool = False
    folded: bool = False

    def has(self, character: str) -> bool:
        """Whether a character is in the set."""
        if self.folded and any(self._has(each) for each in _folds(character)):
            return not self.negated
        return self._has(character) is not self.negated

    def _has(self, character: str) -> bool:
        code = ord(character)
        if any(low <= code <= high for low, high in self.ranges):
            return True
        if not self.categories:
            return False
        category = unicodedata.category(character)
        return any(category.startswith(name) is meant for name, meant in self.categories)


def _folds(character: str) -> Iterable[str]:
    return {each for each in (character.lower(), character.upper(), character.casefold()) if len(each) == 1}


def of_ranges(ranges: Sequence[tuple[int, int]], *, negated: bool = False) -> CharacterSet:
    """Return a set of ranges."""
    return CharacterSet(tuple(ranges), negated=negated)


def complement(ranges: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the ranges of what these leave out."""
    found: list[tuple[int, int]] = []
    begin = 0
    for low, high in sorted(ranges):
        if begin < low:
            found.append((begin, low - 1))
        begin = max(begin, high + 1)
    if begin <= _LAST:
        found.append((begin, _LAST))
    return tuple(found)


_UPPER, _LOWER, _DIGITS = (0x41, 0x5A), (0x61, 0x7A), (0x30, 0x39)
DIGIT = (_DIGITS,)
SPACE = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
WORD = (_DIGITS, _UPPER, (0x5F, 0x5F), _LOWER)
ANY = of_ranges([(0, _LAST)])
NOT_NEWLINE = of_ranges([(0, 0x09), (0x0B, _LAST)])
POSIX = {
    "alnum": (_DIGITS, _UPPER, _LOWER),
    "alpha": (_UPPER, _LOWER),
    "ascii": ((0, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0, 0x1F), (0x7F, 0x7F)),
    "digit": DIGIT,
    "graph": ((0x21, 0x7E),),
    "lower": (_LOWER,),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": (_UPPER,),
    "word": WORD,
    "xdigit": (_DIGITS, (0x41, 0x46), (0x61, 0x66)),
}
