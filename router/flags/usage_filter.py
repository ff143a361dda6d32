"""``--filter``: which records of a daemon's store are meant, as buildx and buildctl write it.

The daemon's own grammar is ``FIELD[OPERATOR VALUE]``, with ``==``, ``!=`` and ``~=`` (a regular expression
of Go), joined by commas. buildx writes ``=`` for equality, matches an id by expression, and has ``until`` and
its old name ``unused-for``, which are no part of that grammar. Several filters have to hold all together, as
in buildx. What can match nothing, or anything by mistake, is refused here: the daemon takes any word for a
field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Literal

from router.errors import UsageError
from router.model.frozen import frozen
from router.notation.boolean import parse_bool
from router.notation.duration import format_duration, parse_duration
from router.notation.flag import Flag

__all__ = [
    "Selector",
    "UsageFilter",
    "check_for_prune",
    "format_selectors",
    "format_usage_filter",
    "parse_usage_filters",
]

_FLAG = Flag(name="--filter", example="type=exec.cachemount")

_Operator = Literal["", "==", "!=", "~="]
_OPERATORS: dict[str, _Operator] = {"=": "==", "==": "==", "!=": "!=", "~=": "~="}

_TEXTS = ("id", "parents", "description", "type")
# What is there or isn't, and the field that is there when it isn't.
_FLAGS = {
    "inuse": None,
    "mutable": "immutable",
    "immutable": "mutable",
    "shared": "private",
    "private": "shared",
}
_AGES = ("until", "unused-for")
_TYPES = ("internal", "frontend", "source.local", "source.git.checkout", "exec.cachemount", "regular")
# A prune looks at records before it has found these out, so every record is without.
_UNKNOWN_TO_PRUNE = ("parents", "inuse")

_HEAD = re.compile(r"\s*([A-Za-z][\w-]*)\s*(==|!=|~=|=)?\s*", re.ASCII)
_BARE = re.compile(r"[^,]*")
_BARE_ENOUGH = re.compile(r"\w[\w.:@;-]*", re.ASCII)
_ESCAPE = re.compile(
    r"""\\(?:([abfnrtv\\"/|])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"""
)
_LETTERS = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


@frozen
class Selector:
    """One condition: a field that is there (no operator), or one whose value is compared."""

    field: str
    operator: _Operator = ""
    value: str = ""


@frozen
class UsageFilter:
    """Conditions that all have to hold; ``unused_for`` are seconds since a record's last use, at least."""

    selectors: tuple[Selector, ...] = ()
    unused_for: float | None = None


def parse_usage_filters(texts: Iterable[str]) -> UsageFilter:
    """Return what several ``--filter`` mean together: all of it. Raises ``UsageError``."""
    selectors: list[Selector] = []
    ages: dict[float, str] = {}
    for text in texts:
        for field, operator, value in _conditions(text):
            if field in _AGES:
                ages[_age(text, operator, value)] = text
            else:
                selectors.append(_selector(text, field, operator, value))
    if len(ages) > 1:
        first, second, *_ = ages.values()
        raise _FLAG.error(second, f'it contradicts "{first}"')
    return UsageFilter(selectors=tuple(selectors), unused_for=next(iter(ages), None))


def format_selectors(filters: UsageFilter) -> str:
    """Return the conditions in the daemon's grammar, empty for none; the age is no part of it."""
    return ",".join(
        f"{each.field}{each.operator}{_quoted(each.value) if each.operator else ''}"
        for each in filters.selectors
    )


def format_usage_filter(filters: UsageFilter) -> str:
    """Return the text that ``parse_usage_filters`` reads as ``filters``."""
    age = [] if filters.unused_for is None else [f"until={format_duration(filters.unused_for)}"]
    return ",".join([*filter(None, [format_selectors(filters)]), *age])


def check_for_prune(filters: UsageFilter) -> None:
    """Raise ``UsageError`` for a condition that a prune can't test, and that would hold for all or none."""
    for each in filters.selectors:
        if each.field in _UNKNOWN_TO_PRUNE:
            raise _FLAG.error(
                f"{each.field}{each.operator}{each.value}",
                f"a daemon that prunes does not look at {each.field} (du can filter by it)",
            )


def _conditions(text: str) -> Iterator[tuple[str, str, str]]:
    """Cut a filter into fields, operators and values, both as they are given, the value without quotes."""
    position = 0
    while True:
        head = _HEAD.match(text, position)
        if head is None:
            raise _FLAG.error(text, "a condition is FIELD, FIELD=VALUE, FIELD!=VALUE or FIELD~=EXPRESSION")
        field, operator = head[1].lower(), head[2] or ""
        value, position = _value(text, head.end(), operator) if operator else ("", head.end())
        yield field, operator, value
        if position == len(text):
            return
        if text[position] != ",":
            raise _FLAG.error(text, f'"{text[position]}" stands where a comma or the end should be')
        position += 1


def _value(text: str, position: int, operator: str) -> tuple[str, int]:
    """Return a value, and where it ends."""
    quote = text[position : position + 1]
    if quote not in ('"', "/", "|") or not quote:
        bare = _BARE.match(text, position)
        assert bare is not None  # it matches nothing, too
        if not (value := bare[0].strip()):
            raise _FLAG.error(text, f"there is no value behind {operator}")
        return value, bare.end()
    if quote != '"' and operator != "~=":
        raise _FLAG.error(text, f'only ~= may have its value between "{quote}"; use double quotes')
    quoted = re.compile(rf"{re.escape(quote)}((?:[^\\{quote}\n]|\\.)*){re.escape(quote)}\s*").match(
        text, position
    )
    if quoted is None:
        raise _FLAG.error(text, f'there is no {quote} at the end of the value; quote it as "..."')
    return _unescaped(quoted[1], text), quoted.end()


def _unescaped(inner: str, text: str) -> str:
    if "\\" in _ESCAPE.sub("", inner):
        raise _FLAG.error(text, "a backslash between quotes is written twice")
    return _ESCAPE.sub(lambda match: _character(match, text), inner)


def _character(escape: re.Match[str], text: str) -> str:
    letter, octal, *hexadecimal = escape.groups()
    if letter:
        return _LETTERS.get(letter, letter)
    number = int(octal, 8) if octal else int(next(filter(None, hexadecimal)), 16)
    if (number > 0x7F and (octal or hexadecimal[0])) or number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise _FLAG.error(text, f"{escape[0]} is no character")
    return chr(number)


def _quoted(value: str) -> str:
    if _BARE_ENOUGH.fullmatch(value):
        return value
    escapes = {'"': '\\"', "\\": "\\\\"}
    return (
        '"' + "".join(escapes.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in value) + '"'
    )


def _age(text: str, operator: str, value: str) -> float:
    if operator not in ("=", "=="):
        raise _FLAG.error(text, "it takes a duration: until=24h")
    try:
        return parse_duration(value, _FLAG)
    except UsageError as exc:
        raise _FLAG.error(text, "it takes a duration, such as until=24h or until=2h30m") from exc


def _selector(text: str, field: str, operator: str, value: str) -> Selector:
    if field in _FLAGS:
        return Selector(field=_present(text, field, operator, value))
    if field not in _TEXTS:
        known = (*_TEXTS, *_FLAGS, *_AGES)
        near = get_close_matches(field, known, n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise _FLAG.error(text, f"unknown field {field} ({meant})")
    if field == "type" and operator in ("=", "==", "!=") and value not in _TYPES:
        near = get_close_matches(value, _TYPES, n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(_TYPES)}"
        raise _FLAG.error(text, f"unknown type {value} ({meant})")
    known_operator: _Operator = _OPERATORS[operator] if operator else ""
    if operator == "=" and field == "id":
        known_operator = "~="
    if known_operator == "~=":
        _check_expression(text, value)
    return Selector(field=field, operator=known_operator, value=value)


def _check_expression(text: str, value: str) -> None:
    """Refuse what is no regular expression for Go either; the daemon would say so in its log only."""
    if "\\" in value or "(?" in value:  # where Go's differ from Python's
        return
    try:
        re.compile(value)
    except re.error as exc:
        raise _FLAG.error(text, f"it is no regular expression: {exc}") from exc


def _present(text: str, field: str, operator: str, value: str) -> str:
    """Return the field that is to be there. The daemon knows no value for it: whatever it is compared with,
    every record is the same."""
    if not operator:
        return field
    given = parse_bool(value) if operator in ("=", "==") else None
    found = field if given else _FLAGS[field] if given is False else None
    if found is None:
        raise _FLAG.error(text, f"{field} takes no value: a record is {field} or it isn't")
    return found
