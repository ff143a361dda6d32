"""JSON of strangers: the only reader of it, and how to look into what it returns. Pure.

What a daemon, an API server, a registry, a helper program or a checkout calls JSON is read here and nowhere
else (``make check`` refuses ``json.loads``): whatever it is, the answer is a value or ``NotJSONError``, never
a RecursionError, and no value that fails later, when it is compared, added up or written.

Where Go's encoding/json takes a text, this does, with the same meaning: bytes that are no UTF-8 and halves
of surrogate pairs become U+FFFD, the last of equal keys counts, integers of more than 64 bits are floats.
Refused, as there: NaN and Infinity, numbers that no float holds, a byte order mark, text after the value
(but see ``read_first_json``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import isinf
from typing import Any, NoReturn

__all__ = ["NotJSONError", "elements", "integer", "member", "members", "read_first_json", "read_json", "text"]

_MOST_BYTES = 1 << 24
# Go stops at 10,000; nothing that is asked for goes beyond 20, and Python's own ``repr`` fails at 1,000.
_MOST_DEPTH = 128
_MOST_CONTAINERS = 1 << 20
_SMALLEST, _LARGEST = -(1 << 63), (1 << 64) - 1
_DIGITS = 20  # of the largest, and of the smallest with its sign
# As text, so that they are compiled for whom they are for.
_HALF = r"\\[uU][dD][89a-fA-F]"
_ESCAPE = (
    r"(?s)\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_SURROGATE = "[\ud800-\udfff]"
_SPACE = " \t\r\n"
_CONTAINERS = frozenset({dict, list})
_NO_MEMBERS: Mapping[str, object] = {}


class NotJSONError(ValueError):
    """The text is no JSON that can be used. It reads after its subject: ``is not valid JSON (line 1, ...)``.

    It holds nothing of the text, which may be secret.
    """


def read_json(source: bytes | str, *, most: int = _MOST_BYTES) -> object:
    """Return the value that ``source`` holds: None, bool, int, float, str, list or dict of these.

    ``most`` is the number of bytes, or characters, that are looked at; a value takes up to 15 times as much
    memory. Raises ``NotJSONError``.
    """
    value, plain, end = _read(source, most)
    if end < len(plain):
        raise _invalid(json.JSONDecodeError("", plain, end))
    return value


def read_first_json(source: bytes | str, *, most: int = _MOST_BYTES) -> tuple[object, bool]:
    """Return the first value in ``source``, and whether anything but space follows it, which is ignored.

    It is how Go's ``json.Decoder`` reads. Otherwise as ``read_json``.
    """
    value, plain, end = _read(source, most)
    return value, end < len(plain)


def _read(source: bytes | str, most: int) -> tuple[object, str, int]:
    """Return the first value, the text that it was found in, and where the text goes on after it."""
    if len(source) > most:
        raise NotJSONError(f"is too large: {len(source)} bytes, where {most} are read at most")
    plain = source if isinstance(source, str) else source.decode("utf-8", "replace")
    if "\\" in plain and re.search(_HALF, plain):
        plain = re.sub(_ESCAPE, _whole, plain)
    if isinstance(source, str) and not source.isascii():
        plain = re.sub(_SURROGATE, "\ufffd", plain)
    # Each takes 60 to 70 bytes, for two or three of the text.
    containers = plain.count("[") + plain.count("{")
    if containers > _MOST_CONTAINERS:
        raise NotJSONError(f"has more than {_MOST_CONTAINERS} arrays and objects")
    try:
        value, end = _DECODER.raw_decode(plain, _space_ends(plain, 0))
    except json.JSONDecodeError as exc:
        # Not chained: a JSONDecodeError keeps the whole text.
        raise _invalid(exc) from None
    except RecursionError:
        raise _too_deep() from None
    if containers > _MOST_DEPTH:
        _check_depth(value)
    return value, plain, _space_ends(plain, end)


def member(value: object, *path: str) -> object:
    """Return what stands at the end of a path of keys, None where there is no such thing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def members(value: object, *path: str) -> Mapping[str, object]:
    """Return the object at the end of a path of keys, an empty one where there is none."""
    found = member(value, *path)
    return found if isinstance(found, dict) else _NO_MEMBERS


def elements(value: object, *path: str) -> Sequence[object]:
    """Return the array at the end of a path of keys, an empty one where there is none."""
    found = member(value, *path)
    return found if isinstance(found, list) else ()


def text(value: object, *path: str) -> str:
    """Return the string at the end of a path of keys, an empty one where there is none."""
    found = member(value, *path)
    return found if isinstance(found, str) else ""


def integer(value: object, *path: str) -> int | None:
    """Return the integer of at most 64 bits at the end of a path of keys, None where there is none."""
    found = member(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _space_ends(plain: str, begins: int) -> int:
    return len(plain) - len(plain[begins:].lstrip(_SPACE))


def _whole(escape: re.Match[str]) -> str:
    return r"\ufffd" if escape[1] else escape[0]


def _integer(digits: str) -> int | float:
    if len(digits) <= _DIGITS:
        value = int(digits)
        if _SMALLEST <= value <= _LARGEST:
            return value
    return _float(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if isinf(value):
        raise NotJSONError("holds a number that is out of range")
    return value


def _no_constant(name: str) -> NoReturn:
    raise NotJSONError(f"is not valid JSON: {name} is not a number")


def _invalid(found: json.JSONDecodeError) -> NotJSONError:
    return NotJSONError(f"is not valid JSON (line {found.lineno}, column {found.colno})")


def _too_deep() -> NotJSONError:
    return NotJSONError(f"is nested too deeply: {_MOST_DEPTH} levels are read at most")


def _check_depth(value: object) -> None:
    level: list[Any] = [value] if value.__class__ in _CONTAINERS else []
    for _ in range(_MOST_DEPTH):
        if not level:
            return
        # isinstance would double the time that a large document takes here.
        children = (each.values() if each.__class__ is dict else each for each in level)
        level = [child for each in children for child in each if child.__class__ in _CONTAINERS]
    if level:
        raise _too_deep()


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=_no_constant)
