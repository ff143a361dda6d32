"""Values as JSON, and JSON as values: what jsonencode, jsondecode, ``--list variables`` and ``NAME_JSON``
use.

Texts are written as Go's ``encoding/json`` does: ``<``, ``>`` and ``&`` are escaped too.
"""

from __future__ import annotations

import json
import re

from router.bake.conversion import convert
from router.bake.numbers import format_number
from router.bake.places import DefinitionFault
from router.bake.values import NULL, NUMBER, MapValue, Null, Value, elements_of, is_number, normal_text
from router.untrusted_json import NotJSONError, read_json

__all__ = ["decode_json", "encode_json", "encode_text"]

_ESCAPED = re.compile("[<>&\u2028\u2029]")
_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?', re.DOTALL)


def encode_text(text: str) -> str:
    """Return a text as a JSON string."""
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def encode_json(value: Value) -> str:
    """Return a value as JSON, without spaces, the names in order."""
    if isinstance(value, str):
        return encode_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Null):
        return "null"
    if is_number(value):
        return format_number(value)  # type: ignore[arg-type]  # is_number says so
    items = value.items if isinstance(value, MapValue) else value
    if isinstance(items, dict):
        return (
            "{" + ",".join(f"{encode_text(name)}:{encode_json(items[name])}" for name in sorted(items)) + "}"
        )
    return "[" + ",".join(map(encode_json, elements_of(value) or ())) + "]"


def decode_json(text: str) -> Value:
    """Return what a JSON text stands for. Raises ``DefinitionFault`` where it is none."""
    # Numbers are kept as they are written: 64 bits would not do.
    numbers: list[str] = []

    def kept(match: re.Match[str]) -> str:
        if match[0].startswith('"'):
            return match[0]
        numbers.append(match[0])
        return str(len(numbers) - 1)

    try:
        read_json(text)
        found = read_json(_NUMBER.sub(kept, text))
    except NotJSONError as exc:
        raise DefinitionFault(f"the text {exc}") from None
    return _value(found, numbers)


def _value(found: object, numbers: list[str]) -> Value:
    match found:
        case bool():
            return found
        case str():
            return normal_text(found)
        case int():
            return convert(numbers[found], NUMBER)
        case list():
            return tuple([_value(each, numbers) for each in found])
        case dict():
            return {normal_text(str(name)): _value(each, numbers) for name, each in found.items()}
        case _:
            return NULL
