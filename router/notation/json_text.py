"""JSON edited as text: where the members of an object are, and the text with one set or removed.

For files that other programs and people write too. What isn't changed stays as it was, byte for byte: order,
indentation, line ends, how numbers and strings are written. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from router.untrusted_json import read_json

__all__ = ["Member", "members_at", "root_of", "with_member", "without_member"]

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR = re.compile(r'[^\s,:"\[\]{}]+')
_UNIT = "\t"  # where nothing is indented that could be followed: docker's own


class Member(NamedTuple):
    """A member of an object: where its key begins, its value begins, and the value has ended."""

    key: str
    begin: int
    value: int
    end: int


def root_of(text: str) -> int:
    """Return where the value of a JSON text begins."""
    return _space_ends(text, 0)


def members_at(text: str, position: int) -> Sequence[Member]:
    """Return the members of the object that begins at ``position``, in their order. The text must be JSON."""
    found: list[Member] = []
    position = _space_ends(text, position + 1)
    while text[position] != "}":
        if text[position] == ",":
            position = _space_ends(text, position + 1)
        key_ends = _value_ends(text, position)
        value = _space_ends(text, _space_ends(text, key_ends) + 1)
        end = _value_ends(text, value)
        found.append(Member(str(read_json(text[position:key_ends])), position, value, end))
        position = _space_ends(text, end)
    return found


def with_member(text: str, position: int, key: str, value: object) -> str:
    """Return the text with a member set in the object at ``position``: in its place, or behind all others.

    A new one is set out as the first is that is there, on a line of its own where that has one.
    """
    members = members_at(text, position)
    for member in members:
        if member.key == key:
            before = _space_before(text, member.begin)
            return text[: member.value] + _written(text, value, before) + text[member.end :]
    before = _space_before(text, members[0].begin) if members else _space_in_empty(text, position)
    new = f"{before}{json.dumps(key)}: {_written(text, value, before)}"
    if members:
        return f"{text[: members[-1].end]},{new}{text[members[-1].end :]}"
    return f"{text[: position + 1]}{new}{text[position + 1 :]}"


def without_member(text: str, position: int, key: str) -> str:
    """Return the text without a member of the object at ``position``: what it was before ``with_member``."""
    members = members_at(text, position)
    number = [member.key for member in members].index(key)
    if number:
        return text[: members[number - 1].end] + text[members[number].end :]
    if len(members) > 1:
        return text[: members[0].begin] + text[members[1].begin :]
    return text[: position + 1] + text[members[0].end :]


def _written(text: str, value: object, before: str) -> str:
    """Return a value as it is written where the line begins with ``before``; compact without a line."""
    line, newline, indentation = before.rpartition("\n")
    if not newline:
        return json.dumps(value)
    ending = "\r\n" if line.endswith("\r") else "\n"
    return json.dumps(value, indent=_unit_of(text)).replace("\n", f"{ending}{indentation}")


def _unit_of(text: str) -> str:
    members = members_at(text, root_of(text))
    before = _space_before(text, members[0].begin) if members else ""
    return before.rpartition("\n")[2] or _UNIT


def _space_in_empty(text: str, position: int) -> str:
    """Return what stands before the first member of an empty object: a line of its own if the brace has."""
    line, newline, indentation = text[position + 1 : _space_ends(text, position + 1)].rpartition("\n")
    if not newline:
        return ""
    ending = "\r\n" if line.endswith("\r") else "\n"
    return f"{ending}{indentation}{_unit_of(text)}"


def _space_before(text: str, position: int) -> str:
    before = text[:position]
    return before[len(before.rstrip(" \t\r\n")) :]


def _space_ends(text: str, begins: int) -> int:
    found = _SPACE.match(text, begins)
    return found.end() if found else begins


def _value_ends(text: str, position: int) -> int:
    depth = 0
    while True:
        match text[position]:
            case "[" | "{":
                depth, position = depth + 1, position + 1
            case "]" | "}":
                depth, position = depth - 1, position + 1
            case letter:
                found = (_STRING if letter == '"' else _SCALAR).match(text, position)
                position = found.end() if found else position + 1
        if not depth:
            return position
