"""The subset of Go's regular expressions that file patterns become.

``moby/patternmatcher`` turns a pattern into an expression of Go's ``regexp`` and leaves some characters
unescaped (``|``, ``{``, ``^``, and all that follows a backslash or a bracket), so a pattern means whatever
Go's parser makes of the result. This module knows only what can come out of a pattern; ``\\p``, ``\\x``,
``\\Q`` and octal numbers are refused as errors.
"""

from __future__ import annotations

import re
from functools import lru_cache

from router.fstransfer.automaton import (
    ANY,
    DIRECTORIES,
    DOT,
    NOT_SLASH,
    Item,
    Kind,
    Ranges,
    complement,
    one_of,
)
from router.notation.quoting import quoted

__all__ = ["RegexpError", "parse"]

_MOST_REPEATS = 1000
# Go allows more; nobody writes that many.
_MOST_ITEMS = 1 << 17
_REPEAT = re.compile(r"(?a)\{(\d+)(,(\d*))?\}")
# The expressions for * and ?: by far the most common.
_NAME_CHARACTER = "[^/]"
_ANY_NAME_CHARACTER = Item(Kind.ONE, NOT_SLASH)
_ANY_DIRECTORIES = "(.*/)?"

_ESCAPES = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ASSERTIONS = {"A": Kind.BEGIN, "z": Kind.END, "b": Kind.BOUNDARY, "B": Kind.NO_BOUNDARY}


def _set(text: str) -> Ranges:
    """Return a set from text that holds pairs of first and last characters."""
    return tuple((ord(low), ord(high)) for low, high in zip(text[::2], text[1::2], strict=True))


_SETS = {"d": _set("09"), "s": _set("\t\n\f\r  "), "w": _set("09AZ__az")}
_SETS |= {letter.upper(): complement(ranges) for letter, ranges in _SETS.items()}
_NAMED_SETS = {
    "alnum": _set("09AZaz"),
    "alpha": _set("AZaz"),
    "ascii": _set("\x00\x7f"),
    "blank": _set("\t\t  "),
    "cntrl": _set("\x00\x1f\x7f\x7f"),
    "digit": _set("09"),
    "graph": _set("!~"),
    "lower": _set("az"),
    "print": _set(" ~"),
    "punct": _set("!/:@[`{~"),
    "space": _set("\t\r  "),
    "upper": _set("AZ"),
    "word": _set("09AZ__az"),
    "xdigit": _set("09AFaf"),
}


class RegexpError(ValueError):
    """Go would refuse the expression."""


def parse(expression: str) -> list[list[Item]]:
    """Return the alternatives of an expression, each anchored at the text's beginning. Raises RegexpError."""
    return _Parser(expression).run()


class _Parser:
    """One pass over an expression: the complete alternatives, and the current one."""

    def __init__(self, expression: str) -> None:
        self._text = expression
        self._position = 0
        self._alternatives: list[list[Item]] = [[]]
        self._last_name = expression.rfind(":]")
        self._items = 0
        self._repeatable = False
        self._repeated = False

    def run(self) -> list[list[Item]]:
        while self._position < len(self._text):
            self._step()
        return [self._anchored(items) for items in self._alternatives]

    @staticmethod
    def _anchored(items: list[Item]) -> list[Item]:
        # Go finds a match anywhere in the text.
        return items[1:] if items[:1] == [Item(Kind.BEGIN)] else [Item(Kind.MANY, ANY), *items]

    def _step(self) -> None:
        text, position = self._text, self._position
        character = text[position]
        self._position += 1
        if character == "\\":
            self._escape()
        elif text.startswith(_NAME_CHARACTER, position):
            self._position = position + len(_NAME_CHARACTER)
            self._add(_ANY_NAME_CHARACTER)
        elif character == "[":
            self._add(one_of(self._class()))
        elif character == "*":
            self._repeat("*", 0, None)
        elif character == "{" and (repeat := _REPEAT.match(text, position)):
            self._position = repeat.end()
            self._repeat(repeat[0], *_counts(repeat))
        elif text.startswith(_ANY_DIRECTORIES, position):
            self._position = position + len(_ANY_DIRECTORIES)
            self._any_directories()
        elif character == "|":
            self._alternatives.append([])
            self._repeatable = self._repeated = False
        elif character == ".":
            self._add(Item(Kind.ONE, DOT))
        elif character in "^$":
            self._add(Item(Kind.BEGIN if character == "^" else Kind.END))
        else:
            self._add(_literal(character))

    def _add(self, item: Item) -> None:
        self._alternatives[-1].append(item)
        self._repeatable, self._repeated = True, False

    def _any_directories(self) -> None:
        # Twice in a row means the same as once.
        if self._alternatives[-1][-1:] != [DIRECTORIES]:
            self._add(DIRECTORIES)
        self._repeated = True

    def _repeat(self, operator: str, least: int, most: int | None) -> None:
        if not self._repeatable or self._repeated:
            raise RegexpError(f"{quoted(operator)} has nothing to repeat")
        items = self._alternatives[-1]
        item = items.pop()
        if item.kind is Kind.ONE:
            items += [item] * least
            items += (
                [Item(Kind.MANY, item.ranges)]
                if most is None
                else [Item(Kind.OPTIONAL, item.ranges)] * (most - least)
            )
        elif least:
            items.append(item)
        self._items += max(least, most or 0)
        if self._items > _MOST_ITEMS:
            raise RegexpError("too many repetitions")
        self._repeated = True

    def _escape(self) -> None:
        character = self._text[self._position : self._position + 1]
        if character in _ASSERTIONS:
            self._position += 1
            self._add(Item(_ASSERTIONS[character]))
        elif ranges := self._letter():
            self._add(one_of(ranges))
        else:
            self._add(_literal(self._escaped()))

    def _letter(self) -> Ranges:
        """Take the letter of a set such as the digits, if there is one."""
        ranges = _SETS.get(self._text[self._position : self._position + 1], ())
        self._position += bool(ranges)
        return ranges

    def _escaped(self) -> str:
        """Take the character after a backslash."""
        character = self._text[self._position : self._position + 1]
        self._position += 1
        if character in _ESCAPES:
            return _ESCAPES[character]
        if not character or character.isalnum() or not character.isascii():
            raise RegexpError(f"unsupported escape: a backslash before {quoted(character)}")
        return character

    def _class(self) -> Ranges:
        """Take a class up to its closing bracket, after the ``[``."""
        text = self._text
        negated = text.startswith("^", self._position)
        self._position += negated
        ranges: list[tuple[int, int]] = []
        while not ranges or not text.startswith("]", self._position):
            if self._position >= len(text):
                raise RegexpError("a bracket isn't closed")
            ranges += self._named_set() or self._range()
        self._position += 1
        return complement(tuple(ranges)) if negated else tuple(sorted(set(ranges)))

    def _named_set(self) -> Ranges:
        """Take ``[:name:]`` or the letter of a set, if there is one."""
        text, start = self._text, self._position
        if text.startswith("\\", start):
            self._position += 1
            ranges = self._letter()
            self._position -= not ranges
            return ranges
        if not text.startswith("[:", start) or start + 2 > self._last_name:
            return ()
        end = text.find(":]", start + 2)
        self._position = end + 2
        if text[start + 2 : end] not in _NAMED_SETS:
            raise RegexpError(f"unknown character class {text[start : end + 2]}")
        return _NAMED_SETS[text[start + 2 : end]]

    def _range(self) -> Ranges:
        low = high = self._class_character()
        text, position = self._text, self._position
        if text.startswith("-", position) and text[position + 1 : position + 2] not in ("", "]"):
            self._position += 1
            high = self._class_character()
        if low > high:
            raise RegexpError(f"the range {low}-{high} is reversed")
        return ((ord(low), ord(high)),)

    def _class_character(self) -> str:
        character = self._text[self._position]
        self._position += 1
        return self._escaped() if character == "\\" else character


@lru_cache(maxsize=1024)
def _literal(character: str) -> Item:
    return one_of(((ord(character), ord(character)),))


def _counts(repeat: re.Match[str]) -> tuple[int, int | None]:
    """Return the minimum and maximum of ``{n}``, ``{n,}`` or ``{n,m}``; no maximum is None."""
    least, rest, most = repeat.groups()
    digits = max(len(least), len(most or ""))
    if digits > 9 or int(most or least) < int(least) or max(int(least), int(most or 0)) > _MOST_REPEATS:
        raise RegexpError(f"invalid repetition {repeat[0][:20]}")
    return int(least), int(most) if most else None if rest else int(least)
