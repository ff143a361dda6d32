"""Include and exclude patterns with the semantics of ``moby/patternmatcher``, quirks included.

A later pattern wins over an earlier one, ``!`` makes an exception, ``**`` stands for any directories, and a
pattern that matches a directory matches everything in it. Paths are relative, with slashes; their text holds
bytes through ``surrogateescape``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cached_property
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from router.errors import UsageError
from router.fstransfer.pattern_text import clean
from router.model.frozen import frozen

if TYPE_CHECKING:
    from router.fstransfer.automaton import Automaton
    from router.fstransfer.matching import Alternatives, Matcher

__all__ = ["Pattern", "PatternMatcher", "parse_pattern"]

_ESCAPED = frozenset(".+()$")
_LONGEST_SHOWN = 200
# Making a matcher for each pattern takes time, too much for thousands of patterns.
_MOST_ASKED_SINGLY = 64
# Characters that Go's ``filepath.Match`` does not take literally.
_PARSED = frozenset("*?[\\")
_SPECIAL = r"[*?\[\]\\^]"


class _Kind(Enum):
    EXACT = 0
    PREFIX = 1
    SUFFIX = 2
    REGEXP = 3


class Pattern:
    """One pattern without its ``!``. ``operand`` is compared with a path, according to the kind."""

    def __init__(self, text: str, exclusion: bool, kind: _Kind, operand: str) -> None:
        self.text = text
        self.exclusion = exclusion
        self.kind = kind
        self.operand = operand

    def matches(self, path: str) -> bool:
        """Say whether it matches the path itself. Raises UsageError if Go can't compile it."""
        match self.kind:
            case _Kind.EXACT:
                return path == self.operand
            case _Kind.PREFIX:
                return path.startswith(self.operand)
            case _Kind.SUFFIX:
                return path.endswith(self.operand) or (path == self.operand[1:] and self.operand[0] == "/")
            case _Kind.REGEXP:
                return self._matches(path)

    def may_match_below(self, directory: str) -> bool:
        """Say whether it could match a path that begins with ``directory``, which ends with a slash."""
        if self.kind is _Kind.EXACT:
            return self.operand.startswith(directory)
        return self._beginning.startswith(directory) or directory.startswith(self._beginning)

    @cached_property
    def alternatives(self) -> Alternatives | None:
        """The meaning of a REGEXP's operand, None if Go can't compile it."""
        from router.fstransfer.goregexp import RegexpError, parse

        try:
            return parse(self.operand)
        except RegexpError:
            return None

    @cached_property
    def _matches(self) -> Callable[[str], bool]:
        if self.alternatives is None:
            raise UsageError(f"the file pattern {_shown(self.text)} is malformed", reason="pattern")
        return _matcher([self.alternatives]).matches

    @cached_property
    def _beginning(self) -> str:
        """The text that every matching path begins with."""
        if self.kind is _Kind.PREFIX:
            return self.operand
        # These two can undo the text before them.
        if self.kind is _Kind.SUFFIX or "|" in self.text or "{" in self.text:
            return ""
        special = re.search(_SPECIAL, self.text)
        return self.text[: special.start()] if special else self.text


def parse_pattern(text: str) -> Pattern | None:
    """Parse one pattern from the daemon; None if it is blank. Raises UsageError."""
    text = text.strip()
    if not text:
        return None
    text = clean(text)
    exclusion = text.startswith("!")
    if exclusion:
        text = text[1:]
        if not text:
            raise UsageError("the file pattern '!' names nothing to except", reason="pattern")
    _check(text)
    kind, expression = _to_expression(text)
    return Pattern(text, exclusion, kind, _operand(kind, text, expression))


def _check(text: str) -> None:
    """Raise UsageError if Go finds the pattern malformed; a plain name never is."""
    if _PARSED.isdisjoint(text):
        return
    from router.fstransfer.globs import GlobError, check_glob

    try:
        check_glob(text)
    except GlobError as exc:
        raise UsageError(f"the file pattern {_shown(text)} is malformed: {exc}", reason="pattern") from exc


def _matcher(patterns: Sequence[Alternatives]) -> Matcher:
    from router.fstransfer.matching import Matcher

    return Matcher(patterns)


def _operand(kind: _Kind, text: str, expression: str) -> str:
    match kind:
        case _Kind.EXACT:
            return text
        case _Kind.PREFIX:
            return text[:-2]
        case _Kind.SUFFIX:
            return text[2:]
        case _Kind.REGEXP:
            return expression


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")


def _to_expression(text: str) -> tuple[_Kind, str]:
    """Return the kind of comparison, and the expression of Go if that kind needs one."""
    # Go reads text rune by rune there: no byte order mark at its beginning, and U+FFFD for invalid UTF-8.
    if not text.isascii():
        text = re.sub("[\udc80-\udcff]", "\ufffd", text.removeprefix("\ufeff"))
    out = ["^"]
    kind = _Kind.EXACT
    position = 0
    while position < len(text):
        start, character = position, text[position]
        position += 1
        if character == "*" and text.startswith("*", position):
            position += 2 if text.startswith("/", position + 1) else 1
            if position < len(text):
                out.append("(.*/)?")
                kind = _Kind.REGEXP
            else:
                out.append(".*")
                kind = _Kind.PREFIX if kind is _Kind.EXACT else _Kind.REGEXP
            if start == 0:
                kind = _Kind.SUFFIX
        elif character in "*?":
            out.append("[^/]*" if character == "*" else "[^/]")
            kind = _Kind.REGEXP
        elif character in _ESCAPED:
            out.append(f"\\{character}")
        elif character == "\\":
            out.append(text[start : start + 2])
            position += 1
            kind = _Kind.REGEXP
        else:
            out.append(character)
            if character in "[]":
                kind = _Kind.REGEXP
    return kind, "".join(out) + "$"


class PatternMatcher:
    """A list of patterns.

    While a tree is walked, each directory has a set of bits: the patterns that it, or a parent of it, has
    matched. The entries of the directory inherit them; the root's are 0.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        known = {text: parse_pattern(text) for text in dict.fromkeys(patterns)}
        self.patterns = tuple(pattern for text in patterns if (pattern := known[text]) is not None)
        self._expressions = [i for i, pattern in enumerate(self.patterns) if pattern.kind is _Kind.REGEXP]
        self._together: Automaton | None = None
        self._runs: tuple[_Run, ...] | None = None
        self._testers: dict[int, Callable[[str], bool]] = {}

    def match(self, path: str, inherited: int) -> tuple[bool, int]:
        """Say whether a path matches, and return the bits that it hands on if it is a directory."""
        matched, bits = False, 0
        matches = self._asked(path)
        for index, pattern in enumerate(self.patterns):
            bit = 1 << index
            # A pattern that would change nothing isn't tried, so it isn't handed on either.
            if not inherited & bit and (pattern.exclusion != matched or not matches(index)):
                continue
            bits |= bit
            matched = not pattern.exclusion
        return matched, bits

    def _asked(self, path: str) -> Callable[[int], bool]:
        """Return a function that says, by a pattern's number, whether it matches a path."""
        patterns = self.patterns
        if len(self._expressions) <= _MOST_ASKED_SINGLY:
            return lambda index: patterns[index].matches(path)
        if self._together is None:
            from router.fstransfer.automaton import Automaton

            self._together = Automaton([patterns[index].alternatives or () for index in self._expressions])
        matching = {self._expressions[number] for number in self._together.matching(path)}
        return lambda index: (
            index in matching
            or (
                (patterns[index].kind is not _Kind.REGEXP or patterns[index].alternatives is None)
                and patterns[index].matches(path)
            )
        )

    def settled(self, directory: str, bits: int) -> bool | None:
        """Return the result for everything in a directory, None if it depends on the entry.

        ``directory`` ends with a slash, ``bits`` are those that it hands on.
        """
        last = bits.bit_length() - 1
        verdict = bits != 0 and not self.patterns[last].exclusion
        for pattern in self.patterns[last + 1 :]:
            if pattern.exclusion == verdict and pattern.may_match_below(directory):
                return None
        return verdict

    @cached_property
    def _is_simple(self) -> bool:
        """Whether every pattern is valid, and each run of them is worth a matcher of its own."""
        turns = sum(before.exclusion is not after.exclusion for before, after in pairwise(self.patterns))
        return turns <= _MOST_ASKED_SINGLY and all(
            self.patterns[index].alternatives is not None for index in self._expressions
        )

    def tester(self, inherited: int) -> Callable[[str], bool]:
        """Return a fast ``match`` for the files of a directory."""
        tester = self._testers.get(inherited)
        if tester is None:
            tester = self._testers[inherited] = self._new_tester(inherited)
        return tester

    def _new_tester(self, inherited: int) -> Callable[[str], bool]:
        if not self._is_simple:
            return lambda path: self.match(path, inherited)[0]
        if self._runs is None:
            self._runs = _to_runs(self.patterns)
        # From the end: the last run that matches decides, and an inherited one always does.
        deciding: list[tuple[Callable[[str], bool], bool]] = []
        otherwise = False
        for run in reversed(self._runs):
            if inherited & run.mask:
                otherwise = not run.exclusion
                break
            deciding.append((run.matches, not run.exclusion))
        if len(deciding) == 1 and not otherwise and deciding[0][1]:
            return deciding[0][0]

        def test(path: str) -> bool:
            for matches, answer in deciding:
                if matches(path):
                    return answer
            return otherwise

        return test


@frozen
class _Run:
    """Neighbouring patterns of the same sign: a match of any of them has the same effect."""

    exclusion: bool
    mask: int
    exact: frozenset[str]
    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]
    expressions: Matcher | None

    def matches(self, path: str) -> bool:
        return (
            path in self.exact
            or path.endswith(self.suffixes)
            or path.startswith(self.prefixes)
            or (self.expressions is not None and self.expressions.matches(path))
        )


def _to_runs(patterns: Sequence[Pattern]) -> tuple[_Run, ...]:
    runs = []
    for exclusion, group in groupby(enumerate(patterns), key=lambda item: item[1].exclusion):
        items = list(group)
        of = {kind: [p.operand for _, p in items if p.kind is kind] for kind in _Kind}
        expressions = [p.alternatives for _, p in items if p.kind is _Kind.REGEXP and p.alternatives]
        runs.append(
            _Run(
                exclusion=exclusion,
                mask=sum(1 << index for index, _ in items),
                exact=frozenset(of[_Kind.EXACT] + [s[1:] for s in of[_Kind.SUFFIX] if s.startswith("/")]),
                prefixes=tuple(of[_Kind.PREFIX]),
                suffixes=tuple(of[_Kind.SUFFIX]),
                expressions=_matcher(expressions) if expressions else None,
            )
        )
    return tuple(runs)
