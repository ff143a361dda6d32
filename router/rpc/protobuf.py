"""The little of protobuf's encoding that a build needs on its way, by hand.

Importing the protobuf package takes as long as a cached build on its daemon does, and a log line costs half
when it is read straight into its value. Everything that is off that way uses the generated classes, which
also check this module in the tests.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from router.notation.varint import varint
from router.rpc.events import Http2Error

__all__ = [
    "Value",
    "bytes_field",
    "bytes_message_header",
    "field",
    "fields_at",
    "integer",
    "map_entry",
    "map_fields",
    "read",
    "submessage",
    "text",
]

# Field 1, length-delimited: every BytesMessage of BuildKit's is this and nothing else.
_BYTES_FIELD = 0x0A

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}

# Fields of one message. The largest message has room for 8 million that are empty, each of which costs a
# hundred times its size when it is taken out.
_MOST_FIELDS = 100_000

Value = int | memoryview


def field(number: int, payload: bytes | str) -> bytes:
    """Return a length-delimited field: bytes, text (in UTF-8), or a message; nothing for an empty text.

    Raises UnicodeEncodeError.
    """
    if isinstance(payload, str):
        if not payload:
            return b""
        payload = payload.encode()
    return varint(number << 3 | _LENGTH) + varint(len(payload)) + payload


def map_fields(number: int, values: Mapping[str, str]) -> bytes:
    """Return a ``map<string, string>``: a message of key and value for each entry."""
    return b"".join(field(number, field(1, key) + field(2, value)) for key, value in values.items())


def read(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield the fields of a message, by number. Raises ``Http2Error`` where it is none, or has too many.

    Views are valid as long as the message is.
    """
    position, end = 0, len(message)
    count = 0
    while position < end:
        count += 1
        if count > _MOST_FIELDS:
            raise Http2Error(f"the peer sent a message of more than {_MOST_FIELDS} fields")
        tag, position = _varint_at(message, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint_at(message, position)
            yield tag >> 3, value
            continue
        if kind == _LENGTH:
            size, position = _varint_at(message, position)
        else:
            size = _FIXED.get(kind, end)
        if size > end - position:
            raise Http2Error("the peer sent a message that is cut short, or no protobuf")
        yield tag >> 3, message[position : position + size]
        position += size


def fields_at(message: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """Yield where fields stand: the number, the begin, the value's begin, the end. Raises as ``read``."""
    position = 0
    for number, value in read(message):
        start = position
        tag, position = _varint_at(message, position)
        if isinstance(value, int):
            begin, (_, position) = position, _varint_at(message, position)
        else:
            if tag & 7 == _LENGTH:
                _, position = _varint_at(message, position)
            begin, position = position, position + len(value)
        yield number, start, begin, position


def text(value: Value) -> str:
    """Return a field's text."""
    return str(_view(value), "utf-8", "replace")


def integer(value: Value) -> int:
    """Return a field's signed integer."""
    if not isinstance(value, int):
        raise Http2Error("the peer sent bytes where a number belongs")
    return value - (1 << 64) if value >> 63 else value


def map_entry(value: Value) -> tuple[str, str]:
    """Return one entry of a ``map<string, string>``."""
    entry = {1: "", 2: ""}
    for number, part in read(_view(value)):
        entry[number] = text(part)
    return entry[1], entry[2]


def bytes_message_header(size: int) -> bytes:
    """Return what stands before ``size`` bytes of data to make them a BytesMessage."""
    return bytes((_BYTES_FIELD,)) + varint(size)


def bytes_field(message: memoryview) -> memoryview:
    """Return the data of a BytesMessage. Raises ``Http2Error`` for anything else."""
    if not message:
        return message
    try:
        size, position = _varint_at(message, 1)
    except Http2Error:
        position = size = len(message)
    if message[0] != _BYTES_FIELD or position + size != len(message):
        raise Http2Error("the peer sent something on a byte stream that is no BytesMessage")
    return message[position:]


def submessage(value: Value) -> Iterator[tuple[int, Value]]:
    """Yield the fields of a message within a message."""
    return read(_view(value))


def _view(value: Value) -> memoryview:
    if isinstance(value, int):
        raise Http2Error("the peer sent a number where bytes belong")
    return value


def _varint_at(message: memoryview, position: int) -> tuple[int, int]:
    """Return the varint at a position, and the position behind it."""
    value = shift = 0
    for index in range(position, min(position + 10, len(message))):
        byte = message[index]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, index + 1
        shift += 7
    raise Http2Error("the peer sent a number that does not end")
