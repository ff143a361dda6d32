"""Match text against patterns in time that grows only with its length, whatever the patterns are.

A pattern is a sequence of items, each a character of a set, or any number of these. One integer holds a bit
for every place in every pattern that a match can have reached, and each character moves all bits on at once
(https://en.wikipedia.org/wiki/Bitap_algorithm). So nothing is ever tried twice, as in Go's ``regexp``.
Python's ``re`` differs: to reject a text, ``*a*a*a*a*b`` takes it 2 to the power of the number of stars.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from router.errors import UsageError

__all__ = [
    "ANY",
    "DIRECTORIES",
    "DOT",
    "NOT_SLASH",
    "Automaton",
    "Item",
    "Kind",
    "Ranges",
    "complement",
    "one_of",
]

Ranges = tuple[tuple[int, int], ...]
"""A set of characters: the first and the last code point of each range."""

_LAST = sys.maxunicode
ANY: Ranges = ((0, _LAST),)
DOT: Ranges = ((0, 9), (11, _LAST))
NOT_SLASH: Ranges = ((0, 46), (48, _LAST))

# More than anybody writes, and few enough to be fast: larger sets of patterns are refused.
_MOST_PLACES = 1 << 18
_MOST_SETS = 512

# Go reads a byte that isn't UTF-8 as this rune; in our text such a byte is one of the surrogates.
_REPLACEMENT = 0xFFFD
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF


class Kind(IntEnum):
    """What an item of a pattern stands for."""

    ONE = 0
    OPTIONAL = 1
    MANY = 2
    DIRECTORIES = 3
    BEGIN = 4
    END = 5
    BOUNDARY = 6
    NO_BOUNDARY = 7


class Item(NamedTuple):
    """One character of ``ranges`` (ONE), one or none, any number; or an item without characters of its
    own."""

    kind: Kind
    ranges: Ranges = ()


DIRECTORIES = Item(Kind.DIRECTORIES)
"""Nothing, or any text without a line end whose last character is a slash: ``(.*/)?``."""


def complement(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return all characters outside a set."""
    found: list[tuple[int, int]] = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return (*found, (start, _LAST)) if start <= _LAST else tuple(found)


def one_of(runes: Ranges) -> Item:
    """Return the item for a set of Go's runes. None of them is a byte of our text that isn't UTF-8."""
    if any(low <= _REPLACEMENT <= high for low, high in runes):
        whole = any(low <= _FIRST_BYTE and high >= _LAST_BYTE for low, high in runes)
        return Item(Kind.ONE, runes if whole else (*runes, (_FIRST_BYTE, _LAST_BYTE)))
    parts = (
        part
        for low, high in runes
        for part in ((low, min(high, _FIRST_BYTE - 1)), (max(low, _LAST_BYTE + 1), high))
        if part[0] <= part[1]
    )
    return Item(Kind.ONE, tuple(dict.fromkeys(parts)))


class Automaton:
    """A list of patterns, each with its alternatives. Raises UsageError if the patterns are too large."""

    def __init__(self, patterns: Iterable[Sequence[Sequence[Item]]]) -> None:
        places: dict[Item, list[int]] = {}
        self._owners: dict[int, int] = {}
        starts: list[int] = []
        place = 0
        for owner, alternatives in enumerate(patterns):
            for items in alternatives:
                starts.append(place)
                for item in items:
                    places.setdefault(item, []).append(place)
                    place += 1
                self._owners[place] = owner
                place += 1
            if place > _MOST_PLACES:
                raise _too_much()
        self._start = _bits(starts)
        self._end = _bits(list(self._owners))
        self._read(places)
        self._masks: dict[str, int] = {}

    def _read(self, places: Mapping[Item, list[int]]) -> None:
        """Record the places of each item."""
        bits = dict.fromkeys(Kind, 0)
        self._single: dict[int, list[int]] = {}
        self._sets: list[tuple[Ranges, int]] = []
        for (kind, ranges), found in places.items():
            is_single = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
            if is_single:
                self._single.setdefault(ranges[0][0], []).extend(found)
            if kind is Kind.ONE and is_single:
                continue
            these = _bits(found)
            bits[kind] |= these
            if ranges and not is_single:
                self._sets.append((ranges, these))
        if len(self._sets) > _MOST_SETS:
            raise _too_much()
        self._loops, self._directories = bits[Kind.MANY], bits[Kind.DIRECTORIES]
        self._skipped = bits[Kind.OPTIONAL] | bits[Kind.MANY] | bits[Kind.DIRECTORIES]
        self._assertions = {kind: bits[kind] for kind in Kind if kind >= Kind.BEGIN}
        self._has_boundaries = bool(bits[Kind.BOUNDARY] | bits[Kind.NO_BOUNDARY])

    def matches(self, text: str) -> bool:
        """Say whether any of the patterns matches the text."""
        return self._run(text) != 0

    def matching(self, text: str) -> frozenset[int]:
        """Return the numbers of the patterns that match the text."""
        reached = self._run(text)
        found = []
        while reached:
            lowest = reached & -reached
            found.append(self._owners[lowest.bit_length() - 1])
            reached ^= lowest
        return frozenset(found)

    def _run(self, text: str) -> int:
        """Return the ends that were reached, as bits."""
        masks, loops, directories, skipped = self._masks, self._loops, self._directories, self._skipped
        # The places that a match can have reached; each ``(.*/)?`` that it can be inside; the ends it has
        # reached.
        places, inside, reached = self._start, 0, 0
        for index, character in enumerate(text):
            # The addition carries each bit over all places after it that can be skipped.
            open_ = skipped if index and not self._has_boundaries else self._open(text, index)
            places |= (open_ + (places & open_)) ^ open_
            reached |= places & self._end
            inside |= places & directories
            mask = masks.get(character)
            taken = places & (self._mask(character) if mask is None else mask)
            staying = taken & loops
            places = ((taken ^ staying) << 1) | staying
            if character == "/":
                places |= inside << 1
            elif character == "\n":
                inside = 0
            if not places and not inside:
                return reached
        open_ = self._open(text, len(text))
        places |= (open_ + (places & open_)) ^ open_
        return reached | places & self._end

    def _open(self, text: str, index: int) -> int:
        """Return the places that can be skipped before a character."""
        found = self._skipped
        if index == 0:
            found |= self._assertions[Kind.BEGIN]
        if index == len(text):
            found |= self._assertions[Kind.END]
        if self._has_boundaries:
            before = index > 0 and _is_word(text[index - 1])
            after = index < len(text) and _is_word(text[index])
            found |= self._assertions[Kind.BOUNDARY if before is not after else Kind.NO_BOUNDARY]
        return found

    def _mask(self, character: str) -> int:
        """Return the places that a character leads on from."""
        code = ord(character)
        mask = _bits(self._single.get(code, []))
        for ranges, places in self._sets:
            if any(low <= code <= high for low, high in ranges):
                mask |= places
        if len(self._masks) >= 1 << 10:
            self._masks.clear()
        self._masks[character] = mask
        return mask


def _too_much() -> UsageError:
    return UsageError("the file patterns are too long, or have too many different brackets", reason="pattern")


def _bits(places: Sequence[int]) -> int:
    if len(places) < 4:
        return sum(1 << place for place in places)
    # One integer, made at the end: making one on the way would copy all bits before it, each time.
    octets = bytearray(max(places) // 8 + 1)
    for place in places:
        octets[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(octets, "little")


def _is_word(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())
