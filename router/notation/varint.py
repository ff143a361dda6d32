"""Integers as protobuf writes them, 7 bits to a byte, and as fields of a message.

https://protobuf.dev/programming-guides/encoding/#varints
"""

from __future__ import annotations

__all__ = ["integer_field", "varint"]

_SMALL = tuple(bytes((number,)) for number in range(0x80))


def varint(number: int) -> bytes:
    """Return the varint of a number that isn't negative."""
    # A tree of 100,000 files is some 10 times as many numbers, most of them of one or two bytes.
    if number < 0x80:
        return _SMALL[number]
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    groups = bytearray()
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def integer_field(number: int, value: int) -> bytes:
    """Return a field of an integer, an enumeration or a boolean, set also where it is 0."""
    return varint(number << 3) + varint(value)
