"""RE2's syntax, as a tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, NoReturn, TypeAlias

from router.bake.places import DefinitionFault
from router.bake.regular.classes import (
    ANY,
    DIGIT,
    NOT_NEWLINE,
    POSIX,
    SPACE,
    WORD,
    CharacterSet,
    complement,
    of_ranges,
)

__all__ = ["Alternatives", "Assertion", "Group", "Pattern", "Repeat", "Sequence_", "Tree", "parse_pattern"]

_MOST_REPEATS = 1000
_DEEPEST = 100
_LONGEST = 20_000
_CONTROLS = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_ASSERTIONS = {"A": "begin", "z": "end", "b": "word", "B": "no word"}
_PERL = {"d": DIGIT, "s": SPACE, "w": WORD}
_NAME = re.compile(r"\?P?<([A-Za-z0-9_]+)>")
_FLAGS = re.compile(r"\?([imsU]*)(?:-([imsU]+))?([:)])")
_COUNT = re.compile(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}")
_CATEGORY = re.compile(r"([pP])(?:\{(\^?)([A-Za-z_]+)\}|([A-Z]))")


class Sequence_(NamedTuple):  # noqa: N801 -- the name without it is Python's
    """One after the other."""

    parts: Sequence[Tree]


class Alternatives(NamedTuple):
    """One of several, the first that leads to a match."""

    options: Sequence[Tree]


class Repeat(NamedTuple):
    """At least and at most so many times; as few as possible where ``lazy``."""

    inner: Tree
    least: int
    most: int | None
    lazy: bool


class Group(NamedTuple):
    """A part whose match is kept, by its number."""

    inner: Tree
    number: int


class Assertion(NamedTuple):
    """A place between characters."""

    kind: str


Tree: TypeAlias = CharacterSet | Sequence_ | Alternatives | Repeat | Group | Assertion


class Pattern(NamedTuple):
    """A pattern: its tree, and the names of its groups (empty for one without)."""

    tree: Tree
    names: Sequence[str]


def parse_pattern(text: str) -> Pattern:
    """Read a pattern. Raises ``DefinitionFault`` where it is none."""
    if len(text) > _LONGEST:
        raise DefinitionFault("the pattern is too long")
    reader = _Reader(text)
    tree = reader.alternatives(0)
    if reader.at < len(text):
        reader.fail("it has a closing parenthesis too many")
    return Pattern(tree, reader.names)


class _Reader:
    def __init__(self, text: str) -> None:
        self.at = 0
        self.names: list[str] = []
        self._text = text
        self._flags: frozenset[str] = frozenset()

    def fail(self, why: str) -> NoReturn:
        raise DefinitionFault(f'the pattern "{self._text[:100]}" is not valid: {why}')

    def alternatives(self, depth: int) -> Tree:
        if depth > _DEEPEST:
            self.fail("it is nested too deeply")
        flags = self._flags
        options = [self._sequence(depth)]
        while self._text.startswith("|", self.at):
            self.at += 1
            options.append(self._sequence(depth))
        self._flags = flags
        return options[0] if len(options) == 1 else Alternatives(options)

    def _sequence(self, depth: int) -> Tree:
        parts: list[Tree] = []
        text = self._text
        while self.at < len(text) and text[self.at] not in "|)":
            if text.startswith("\\Q", self.at):
                end = text.find("\\E", self.at)
                literal = text[self.at + 2 : len(text) if end < 0 else end]
                self.at = len(text) if end < 0 else end + 2
                parts += [self._character(ord(each)) for each in literal]
                continue
            part = self._atom(depth)
            if part is not None:
                parts.append(self._repeated(part))
        return parts[0] if len(parts) == 1 else Sequence_(parts)

    def _character(self, code: int) -> CharacterSet:
        return CharacterSet(((code, code),), folded="i" in self._flags)

    def _atom(self, depth: int) -> Tree | None:
        character = self._text[self.at]
        self.at += 1
        match character:
            case "(":
                return self._group(depth)
            case "[":
                return self._class()
            case ".":
                return ANY if "s" in self._flags else NOT_NEWLINE
            case "^":
                return Assertion("line begin" if "m" in self._flags else "begin")
            case "$":
                return Assertion("line end" if "m" in self._flags else "end")
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                self.fail(f"there is nothing that {character} could repeat")
        return self._character(ord(character))

    def _group(self, depth: int) -> Tree | None:
        match = _FLAGS.match(self._text, self.at)
        if match is not None:
            self.at = match.end()
            flags = (self._flags | frozenset(match[1])) - frozenset(match[2] or "")
            if match[3] == ")":
                self._flags = flags
                return None
            before, self._flags = self._flags, flags
            inner = self.alternatives(depth + 1)
            self._flags = before
            self._close()
            return inner
        named = _NAME.match(self._text, self.at)
        if named is None and self._text.startswith("?", self.at):
            self.fail("it has a group of a kind that is not supported")
        name = named[1] if named else ""
        if name and name in self.names:
            self.fail(f"two groups have the name {name}")
        self.at = named.end() if named else self.at
        self.names.append(name)
        number = len(self.names)
        inner = self.alternatives(depth + 1)
        self._close()
        return Group(inner, number)

    def _close(self) -> None:
        if not self._text.startswith(")", self.at):
            self.fail("it has a parenthesis without end")
        self.at += 1

    def _repeated(self, part: Tree) -> Tree:
        while self.at < len(self._text):
            counted = _COUNT.match(self._text, self.at)
            character = self._text[self.at]
            if character in "*+?":
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[character]
                self.at += 1
            elif counted is not None:
                least = int(counted[1])
                most = least if not counted[2] else int(counted[3]) if counted[3] else None
                if max(least, most or 0) > _MOST_REPEATS or (most is not None and most < least):
                    self.fail(f"the count of repeats {counted[0]} is not valid")
                self.at = counted.end()
            else:
                return part
            lazy = self._text.startswith("?", self.at)
            self.at += lazy
            part = Repeat(part, least, most, lazy is not ("U" in self._flags))
            if self._text[self.at : self.at + 1] in {"*", "+", "?"} and self.at < len(self._text):
                self.fail("a repeat is repeated")
        return part

    def _escape(self) -> Tree:
        if self.at >= len(self._text):
            self.fail("it ends with a backslash")
        letter = self._text[self.at]
        if letter in _ASSERTIONS:
            self.at += 1
            return Assertion(_ASSERTIONS[letter])
        found = self._class_escape()
        if found is not None:
            return found
        return self._character(self._code())

    def _class_escape(self) -> CharacterSet | None:
        """Read a backslash's letter that stands for a set."""
        letter = self._text[self.at]
        if letter.lower() in _PERL:
            self.at += 1
            ranges = _PERL[letter.lower()]
            return of_ranges(complement(ranges) if letter.isupper() else ranges)
        match = _CATEGORY.match(self._text, self.at)
        if match is None:
            return None
        self.at = match.end()
        name = match[3] or match[4]
        meant = (match[1] == "p") is not bool(match[2])
        if name == "Any":
            return ANY if meant else of_ranges([])
        if len(name) > 2 or name[0] not in "LMNPSZC":
            self.fail(f"the class {name} is not supported: only Unicode's categories are")
        return CharacterSet(categories=((name, meant),))

    def _code(self) -> int:
        """Read a backslash's rest that stands for one character."""
        text, letter = self._text, self._text[self.at]
        self.at += 1
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter == "x":
            match = re.compile(r"\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2})").match(text, self.at)
            code = int(match[1] or match[2], 16) if match else 0x110000
            if match is None or code > 0x10FFFF:
                self.fail("an escape of a character's number is not valid")
            self.at = match.end()
            return code
        if letter in "01234567":
            match = re.compile(r"[0-7]{1,3}" if letter == "0" else r"[0-7]{3}").match(text, self.at - 1)
            if match is None:
                self.fail("it refers back to a group, which is not supported")
            self.at = match.end()
            return int(match[0], 8)
        if letter.isascii() and letter.isalnum():
            self.fail(f"the escape \\{letter} is not valid")
        return ord(letter)

    def _class(self) -> Tree:
        text = self._text
        negated = text.startswith("^", self.at)
        self.at += negated
        ranges: list[tuple[int, int]] = []
        categories: list[tuple[str, bool]] = []
        first = True
        while first or not text.startswith("]", self.at):
            if self.at >= len(text):
                self.fail("it has a bracket without end")
            first = False
            found = self._class_part()
            if isinstance(found, CharacterSet):
                ranges += found.ranges
                categories += found.categories
            else:
                ranges.append(self._class_range(found))
        self.at += 1
        return CharacterSet(tuple(ranges), tuple(categories), negated, folded="i" in self._flags)

    def _class_part(self) -> CharacterSet | int:
        text = self._text
        if text.startswith("[:", self.at) and (end := text.find(":]", self.at)) > 0:
            name = text[self.at + 2 : end]
            known = POSIX.get(name.removeprefix("^"))
            if known is None:
                self.fail(f"the class [:{name}:] is not known")
            self.at = end + 2
            return of_ranges(complement(known) if name.startswith("^") else known)
        if text[self.at] != "\\":
            self.at += 1
            return ord(text[self.at - 1])
        self.at += 1
        if self.at >= len(text):
            self.fail("it ends with a backslash")
        return self._class_escape() or self._code()

    def _class_range(self, low: int) -> tuple[int, int]:
        text = self._text
        if not text.startswith("-", self.at) or text[self.at + 1 : self.at + 2] in {"]", ""}:
            return low, low
        self.at += 1
        high = self._class_part()
        if isinstance(high, CharacterSet) or high < low:
            self.fail("a range of characters has a wrong end")
        return low, high
