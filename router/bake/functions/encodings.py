"""Functions of encodings: base64, URLs, JSON, CSV."""

from __future__ import annotations

import base64
import binascii
import re

from router.bake.functions.signature import ANY, TEXT, Builtin, Parameter, of
from router.bake.json_values import decode_json, encode_json
from router.bake.places import DefinitionFault
from router.bake.values import STRING, ListValue, Value, normal_text, object_of

__all__ = ["FUNCTIONS"]

_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")
_FIELD = re.compile(r'"((?:[^"]|"")*)"(?=[,\n]|\Z)|([^,\n"]*)(?=[,\n]|\Z)')


def _base64_decode(text: str) -> str:
    try:
        decoded = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise DefinitionFault("the string is not valid base64") from None
    try:
        return normal_text(decoded.decode())
    except UnicodeDecodeError:
        raise DefinitionFault("what the base64 stands for is not UTF-8") from None


def _url_encode(text: str) -> str:
    return "".join(
        chr(byte) if byte in _SAFE else "+" if byte == 0x20 else f"%{byte:02X}" for byte in text.encode()
    )


def _rows(text: str) -> list[list[str]]:
    """Return the records of CSV, as RFC 4180 has them; empty lines are none."""
    text = text.replace("\r\n", "\n")
    rows: list[list[str]] = []
    position = 0
    while position < len(text):
        if text[position] == "\n":
            position += 1
            continue
        row: list[str] = []
        while True:
            match = _FIELD.match(text, position)
            if match is None:
                raise DefinitionFault(f"the CSV has a wrong quote in record {len(rows) + 1}")
            row.append(match[2] if match[1] is None else match[1].replace('""', '"'))
            position = match.end()
            if text[position : position + 1] != ",":
                break
            position += 1
        rows.append(row)
        position += 1
    return rows


def _csv_decode(text: str) -> Value:
    rows = _rows(text)
    if not rows:
        raise DefinitionFault("the CSV has no line with the names of its columns")
    names = rows[0]
    if len(set(names)) < len(names):
        raise DefinitionFault("two columns of the CSV have the same name")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise DefinitionFault(
                f"record {number} of the CSV has {len(row)} fields, and {len(names)} columns are named"
            )
    items: list[Value] = [
        {name: normal_text(each) for name, each in zip(names, row, strict=True)} for row in rows[1:]
    ]
    return ListValue(object_of(dict.fromkeys(names, STRING)), tuple(items))


FUNCTIONS: dict[str, Builtin] = {
    "base64encode": of(lambda text: base64.b64encode(text.encode()).decode(), ("str", TEXT)),
    "base64decode": of(_base64_decode, ("str", TEXT)),
    "urlencode": of(_url_encode, ("str", TEXT)),
    "jsonencode": Builtin(encode_json, [Parameter("val", ANY, null=True)]),
    "jsondecode": of(decode_json, ("str", TEXT)),
    "csvdecode": of(_csv_decode, ("str", TEXT)),
}
