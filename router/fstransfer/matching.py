"""Match paths against patterns: by an expression for ``re`` where that is safe, else by an automaton.

Nearly all patterns that people write are plain globs, which ``re`` matches several times as fast. Other
patterns are slow because of backtracking: ``re`` tries each way in which the stars can divide a text. In a
glob the first way is as good as any. Once the text after a star is found, no later place helps, because the
next star begins there and can reach everything that a later place could. So each star and the text after it
stand in an atomic group, which is never entered twice. The exception is the last star of a name: nothing
follows it, so there is nothing to backtrack into.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from router.fstransfer.automaton import DIRECTORIES, DOT, NOT_SLASH, Automaton, Item, Kind

__all__ = ["Alternatives", "Matcher"]

Alternatives = Sequence[Sequence[Item]]

_SLASH = Item(Kind.ONE, ((ord("/"), ord("/")),))
_STAR = Item(Kind.MANY, NOT_SLASH)
_REST = Item(Kind.MANY, DOT)
_END = Item(Kind.END)

# ``re`` takes up to the product of both lengths. Beyond these limits the automaton is as fast or faster.
_LONGEST_EXPRESSION = 1 << 14
_MOST_STEPS = 1 << 20


class Matcher:
    """Any of several patterns. Creating it and calling it raise UsageError if the patterns are too large."""

    def __init__(self, patterns: Sequence[Alternatives]) -> None:
        self._patterns = patterns
        self._all: Automaton | None = None
        self._odd: Automaton | None = None
        self._longest = -1
        items = sum(len(alternative) for pattern in patterns for alternative in pattern)
        if items > _LONGEST_EXPRESSION:
            return
        plain = [_expression(pattern) for pattern in patterns]
        text = "|".join(f"(?:{expression})" for expression in plain if expression is not None)
        if len(text) <= _LONGEST_EXPRESSION:
            # An empty expression would match everything.
            self._match = re.compile(text or "(?!)").match
            self._longest = _MOST_STEPS // (len(text) + 1)
            odd = [pattern for pattern, expression in zip(patterns, plain, strict=True) if expression is None]
            self._odd = Automaton(odd) if odd else None

    def matches(self, path: str) -> bool:
        """Say whether one of the patterns matches a path."""
        # The reasoning for globs doesn't hold for a name with a line end: ``(.*/)?`` doesn't match one.
        if len(path) <= self._longest and "\n" not in path:
            return self._match(path) is not None or (self._odd is not None and self._odd.matches(path))
        if self._all is None:
            self._all = Automaton(self._patterns)
        return self._all.matches(path)


def _expression(alternatives: Alternatives) -> str | None:
    """Return an expression for ``re.match`` that never backtracks; None if the pattern isn't a plain glob."""
    if len(alternatives) != 1 or alternatives[0][-1:] != [_END]:
        return None
    items = list(alternatives[0][:-1])
    end = r"\Z"
    if items[-1:] == [_REST]:
        items.pop()
        end = ""
    if not _is_plain(items):
        return None
    runs: list[list[Item]] = [[]]
    for item in items:
        if item == DIRECTORIES:
            runs.append([])
        else:
            runs[-1].append(item)
    *others, last = runs
    texts = [
        f"(?>(?:.*?/)??{_run(run, '')})" if number else _run(run, "") for number, run in enumerate(others)
    ]
    # A single name at the end can only follow the last slash.
    before = "" if not others else "(?:.*/)?" if _SLASH in last or not end else "(?>.*/)?"
    return f"{''.join(texts)}{before}{_run(last, end)}"


def _is_plain(items: Sequence[Item]) -> bool:
    """Say whether only slashes, and items for whole directories, match slashes."""
    before: Item | None = None
    for item in items:
        if item == DIRECTORIES:
            if before not in (None, _SLASH):
                return False
        elif item.kind is Kind.MANY:
            if item != _STAR:
                return False
        elif item.kind is not Kind.ONE or (item != _SLASH and _contains_slash(item)):
            return False
        before = item
    return True


def _contains_slash(item: Item) -> bool:
    return any(low <= ord("/") <= high for low, high in item.ranges)


def _run(items: Sequence[Item], end: str) -> str:
    """Translate the items between two stretches of any directories."""
    names: list[list[Item]] = [[]]
    for item in items:
        if item == _SLASH:
            names.append([])
        else:
            names[-1].append(item)
    return f"{'/'.join(map(_name, names))}{end}"


def _name(items: Sequence[Item]) -> str:
    """Translate the items of one name, or a part of it."""
    parts: list[str] = [""]
    for item in items:
        if item == _STAR:
            parts.append("")
        else:
            parts[-1] += _character(item)
    first, *others = parts
    if not others:
        return first
    # The text after the last star has one place, the end of the name; backtracking from there is quickest.
    return f"{first}{''.join(f'(?>[^/]*?{part})' for part in others[:-1])}[^/]*{others[-1]}"


@lru_cache(maxsize=1024)
def _character(item: Item) -> str:
    if item.ranges == NOT_SLASH:
        return "[^/]"
    if len(item.ranges) == 1 and item.ranges[0][0] == item.ranges[0][1]:
        return re.escape(chr(item.ranges[0][0]))
    ranges = (f"{re.escape(chr(low))}-{re.escape(chr(high))}" for low, high in item.ranges)
    return f"[{''.join(ranges)}]" if item.ranges else "(?!)"
