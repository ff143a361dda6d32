"""Characters as people count them: a letter with its marks, an emoji with what joins it, are one.

This is the core of Unicode's grapheme clusters (UAX 29) by what Python knows of characters: categories,
Hangul, and the ranges of emoji.
"""

from __future__ import annotations

import unicodedata

__all__ = ["clusters"]

_JOINER = "\u200d"
_EXTENDING = frozenset({"Mn", "Me", "Mc"})


def clusters(text: str) -> list[str]:
    """Split a text into what counts as one character each."""
    if text.isascii() and "\r" not in text:
        return list(text)
    found: list[str] = []
    for character in text:
        if found and _extends(found[-1], character):
            found[-1] += character
        else:
            found.append(character)
    return found


def _extends(before: str, character: str) -> bool:
    last = before[-1]
    if last == "\r":
        return before == "\r" and character == "\n"
    if last == "\n":
        return False
    if character == _JOINER or unicodedata.category(character) in _EXTENDING or _is_modifier(character):
        return True
    if last == _JOINER:
        return _is_pictographic(character) and _is_pictographic(before[0])
    if _is_regional(last) and _is_regional(character):
        return sum(map(_is_regional, before)) % 2 == 1
    return _continues_syllable(last, character)


def _is_modifier(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff" or "\U000e0020" <= character <= "\U000e007f"


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _is_pictographic(character: str) -> bool:
    return "\U0001f000" <= character <= "\U0001faff" or "\u2190" <= character <= "\u2bff"


def _continues_syllable(last: str, character: str) -> bool:
    leads, vowels = "\u1100" <= last <= "\u115f", "\u1160" <= last <= "\u11a7"
    syllable = "\uac00" <= last <= "\ud7a3"
    open_syllable = syllable and (ord(last) - 0xAC00) % 28 == 0
    if "\u1100" <= character <= "\u115f" or "\uac00" <= character <= "\ud7a3":
        return leads
    if "\u1160" <= character <= "\u11a7":
        return leads or vowels or open_syllable
    return "\u11a8" <= character <= "\u11ff" and (vowels or syllable or "\u11a8" <= last <= "\u11ff")
