"""``semvercmp``: whether a version satisfies a constraint, by the rules of Masterminds' semver."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from router.bake.functions.signature import TEXT, Builtin, of
from router.bake.places import DefinitionFault

__all__ = ["FUNCTIONS"]

_REST = r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
_VERSION = rf"v?(\d{{1,19}})(?:\.(\d{{1,19}}))?(?:\.(\d{{1,19}}))?{_REST}\Z"
_PARTIAL = rf"v?(\d{{1,19}}|[xX*])(?:\.(\d{{1,19}}|[xX*]))?(?:\.(\d{{1,19}}|[xX*]))?{_REST}"
_OPERATOR = r"=|!=|>=|=>|<=|=<|>|<|~>|~|\^"
_CONSTRAINT = re.compile(rf"\s*({_OPERATOR}|)\s*({_PARTIAL})(?=[\s,]|\Z)")
_RANGE = re.compile(rf"\s*({_PARTIAL})\s+-\s+({_PARTIAL})(?=[\s,]|\Z)")
_LONGEST = 1000


class _Version(NamedTuple):
    numbers: tuple[int, int, int]
    pre: str

    def key(self) -> tuple[object, ...]:
        """What versions are compared by."""
        parts = [(0, int(each), "") if each.isdigit() else (1, 0, each) for each in self.pre.split(".")]
        return (self.numbers, not self.pre, parts if self.pre else [])


class _Bound(NamedTuple):
    """One constraint: an operator and a version, of which some numbers may be left open."""

    operator: str
    version: _Version
    given: int


def _version(text: str) -> _Version:
    match = re.match(_VERSION, text)
    if match is None or len(text) > _LONGEST:
        raise DefinitionFault(f'"{text[:60]}" is not a version')
    return _Version((int(match[1]), int(match[2] or 0), int(match[3] or 0)), match[4] or "")


def _bound(operator: str, text: str) -> _Bound:
    match = re.match(_PARTIAL, text)
    if match is None:
        raise DefinitionFault(f'"{text[:60]}" is not a version')
    numbers: list[int] = []
    for each in match.groups()[:3]:
        if each is None or each in {"x", "X", "*"}:
            break
        numbers.append(int(each))
    given = len(numbers)
    filled = [*numbers, 0, 0, 0]
    return _Bound(operator, _Version((filled[0], filled[1], filled[2]), match[4] or ""), given)


def _bounds(text: str) -> list[_Bound]:
    """Return constraints that must all hold; between them are commas or blanks."""
    found: list[_Bound] = []
    position = 0
    text = text.strip()
    while position < len(text):
        between = _RANGE.match(text, position)
        if between is not None:
            halves = re.split(r"\s+-\s+", between[0].strip())
            found += [_bound(">=", halves[0]), _bound("<=", halves[1])]
            position = between.end()
        else:
            match = _CONSTRAINT.match(text, position)
            if match is None:
                raise DefinitionFault(f'"{text[:100]}" is not a constraint of versions')
            found.append(_bound(match[1], match[2]))
            position = match.end()
        while position < len(text) and text[position] in ", \t":
            position += 1
    if not found:
        raise DefinitionFault("the constraint is empty")
    return found


def _satisfies(text: str, constraint: str) -> bool:
    version = _version(text)
    if len(constraint) > _LONGEST:
        raise DefinitionFault("the constraint is too long")
    # All of it is read, so that what is wrong in it is told.
    options = [_bounds(one) for one in constraint.split("||")]
    return any(all(_holds(version, each) for each in option) for option in options)


def _holds(version: _Version, bound: _Bound) -> bool:
    operator = {"=>": ">=", "=<": "<=", "~>": "~"}.get(bound.operator, bound.operator)
    # A version before a release is meant only by constraints that name one.
    if version.pre and not bound.version.pre:
        return False
    if operator in {"", "="}:
        return _within(version, bound) if bound.given < 3 else version.key() == bound.version.key()
    return _COMPARISONS[operator](version, bound)


def _within(version: _Version, bound: _Bound) -> bool:
    return version.numbers[: bound.given] == bound.version.numbers[: bound.given] and _at_least(
        version, bound
    )


def _at_least(version: _Version, bound: _Bound) -> bool:
    return version.key() >= bound.version.key()


def _greater(version: _Version, bound: _Bound) -> bool:
    if bound.given < 3:
        return version.numbers[: bound.given] > bound.version.numbers[: bound.given]
    return version.key() > bound.version.key()


def _at_most(version: _Version, bound: _Bound) -> bool:
    if bound.given < 3:
        return version.numbers[: bound.given] <= bound.version.numbers[: bound.given]
    return version.key() <= bound.version.key()


def _unequal(version: _Version, bound: _Bound) -> bool:
    if bound.given < 3:
        return version.numbers[: bound.given] != bound.version.numbers[: bound.given]
    return version.key() != bound.version.key()


def _tilde(version: _Version, bound: _Bound) -> bool:
    kept = min(bound.given, 2)
    return _at_least(version, bound) and version.numbers[:kept] == bound.version.numbers[:kept]


def _caret(version: _Version, bound: _Bound) -> bool:
    """What changes nothing left of the first number that isn't zero."""
    if not _at_least(version, bound):
        return False
    major, minor, patch = bound.version.numbers
    if major or bound.given < 2:
        return version.numbers[0] == major if bound.given else True
    if version.numbers[0]:
        return False
    if minor or bound.given < 3:
        return version.numbers[1] == minor
    return version.numbers[1:] == (0, patch)


_COMPARISONS: dict[str, Callable[[_Version, _Bound], bool]] = {
    ">": _greater,
    ">=": _at_least,
    "<": lambda version, bound: version.key() < bound.version.key(),
    "<=": _at_most,
    "!=": _unequal,
    "~": _tilde,
    "^": _caret,
}

FUNCTIONS: dict[str, Builtin] = {"semvercmp": of(_satisfies, ("version", TEXT), ("contraint", TEXT))}
