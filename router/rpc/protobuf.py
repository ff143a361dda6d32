"""The little of protobuf's encoding that the hot path packs by hand.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from router.rpc.events import Http2Error

__all__ = ["bytes_field", "bytes_message_header", "varint"]

# Field 1, length-delimited: every BytesMessage of BuildKit's is this and nothing else.
_BYTES_FIELD = 0x0A


def varint(value: int) -> bytes:
    """Return an unsigned varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def bytes_message_header(size: int) -> bytes:
    """Return what stands before ``size`` bytes of data to make them a BytesMessage."""
    return bytes((_BYTES_FIELD,)) + varint(size)


def bytes_field(message: memoryview) -> memoryview:
    """Return the data of a BytesMessage. Raises ``Http2Error`` for anything else."""
    if not message:
        return message
    size, shift, position = 0, 0, 1
    last = 0x80
    while last >= 0x80 and shift < 35 and position < len(message):
        last = message[position]
        size |= (last & 0x7F) << shift
        position += 1
        shift += 7
    if message[0] != _BYTES_FIELD or last >= 0x80 or position + size != len(message):
        raise Http2Error("the peer sent something on a byte stream that is no BytesMessage")
    return message[position:]
