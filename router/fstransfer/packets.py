"""The packets of BuildKit's file transfer (``fsutil.types.Packet``), packed and parsed by hand.

A tree of 100,000 files is 100,000 packets one way and may be 300,000 more afterwards, so nothing here builds
a message object. Packed messages already carry the five bytes that gRPC puts before a message, so that many
packets join into one buffer. Parsed messages come without them.

Everything is bytes: a file's name need not be UTF-8.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from struct import Struct
from typing import NamedTuple

from router.errors import TransferError
from router.notation.varint import varint

__all__ = [
    "DATA",
    "ERR",
    "FIN",
    "FIN_MESSAGE",
    "LAST_STAT_MESSAGE",
    "REQ",
    "STAT",
    "Packet",
    "Stat",
    "StatPacker",
    "data_end",
    "data_head",
    "extra_fields",
    "go_mode",
    "parse",
    "parse_data",
    "parse_request",
    "parse_stat",
    "request",
    "whole_file",
]

STAT, REQ, DATA, FIN, ERR = range(5)

FIN_MESSAGE = b"\0\0\0\0\x02\x08\x03"
LAST_STAT_MESSAGE = b"\0\0\0\0\0"
"""A packet without any field: all entries have been announced."""

_PREFIX = Struct(">BI")
_SHORT_STAT = Struct(">BIBBBB")
_DATA_START = b"\x08\x02"
_UINT64 = (1 << 64) - 1
_MOST_SIZES = 4096
_FIXED_WIDTHS = {1: 8, 5: 4}
_XATTR = 0x52
# A field that no packet has: however many unknown fields there are, only one is kept.
_UNKNOWN = 0x78
# Linux lists at most 64 KiB of names; the programs that use attributes set a handful.
_MOST_XATTRS = 256


def _framed(payload: bytes) -> bytes:
    return _PREFIX.pack(0, len(payload)) + payload


def _identity(number: int) -> bytes:
    return b"\x18" + varint(number) if number else b""


def _bytes_field(tag: bytes, value: bytes) -> bytes:
    return tag + varint(len(value)) + value


def _number_field(tag: bytes, number: int) -> bytes:
    return tag + varint(number & _UINT64) if number else b""


def request(number: int) -> bytes:
    """Return the message that asks for the content of entry ``number``."""
    return _framed(b"\x08\x01" + _identity(number))


def data_head(number: int, length: int) -> bytes:
    """Return the bytes before ``length`` bytes (at least one) of the content of entry ``number``."""
    head = _DATA_START + _identity(number) + b"\x22" + varint(length)
    return _PREFIX.pack(0, len(head) + length) + head


def data_end(number: int) -> bytes:
    """Return the message that ends the content of entry ``number``."""
    return _framed(_DATA_START + _identity(number))


def whole_file(number: int, data: bytes) -> bytes:
    """Return the messages with the content of a small file that isn't empty, including its end."""
    packet = _DATA_START + _identity(number)
    length = varint(len(data))
    after = len(packet) + 1 + len(length) + len(data)
    return b"".join(
        (_PREFIX.pack(0, after), packet, b"\x22", length, data, _PREFIX.pack(0, len(packet)), packet)
    )


class StatPacker:
    """Packs entries; remembers fields that most entries of a tree share.

    Where ``reset_ids`` is true, every entry belongs to user and group 0.
    """

    def __init__(self, *, reset_ids: bool) -> None:
        self._reset_ids = reset_ids
        self._owners: dict[int | tuple[int, int, int], bytes] = {}
        self._sizes: dict[int, bytes] = {}
        self._quarter = 1 << 63  # later than any time
        self._quarter_groups = b""

    def pack(self, path: bytes, status: os.stat_result, extra: bytes = b"", when: bytes = b"") -> bytes:
        """Return the message for one entry; ``extra`` holds packed fields from ``linkname`` on, ``when`` the
        packed time, empty to use that of ``status``."""
        mode = status.st_mode
        owner = mode if self._reset_ids else (mode, status.st_uid, status.st_gid)
        # A directory's size means nothing: the daemon neither sets nor compares it.
        size = status.st_size if mode & 0o170000 != 0o040000 else 0
        time = status.st_mtime_ns
        if when:
            pass
        elif time >> 28 == self._quarter:
            # Four groups of seven bits, each moved up by the number of groups below it; the higher groups are
            # the same for all files that were written within 0.27 s.
            low = time & 0xFFFFFFF
            low += (low & 0xFFFFF80) + ((low & 0xFFFC000) << 1) + ((low & 0xFE00000) << 2)
            when = b"\x30" + (low | 0x80808080).to_bytes(4, "little") + self._quarter_groups
        else:
            when = self._time_field(time)
        fields = (
            (self._owners.get(owner) or self._owner_fields(status))
            + (self._sizes.get(size) or self._size_field(size))
            + when
            + extra
        )
        length = len(path)
        total = length + len(fields) + 2
        if total < 0x80:
            return _SHORT_STAT.pack(0, total + 2, 0x12, total, 0x0A, length) + path + fields
        return _framed(_bytes_field(b"\x12", _bytes_field(b"\x0a", path) + fields))

    def _owner_fields(self, status: os.stat_result) -> bytes:
        mode, uid, gid = status.st_mode, status.st_uid, status.st_gid
        fields = _number_field(b"\x10", go_mode(mode))
        if self._reset_ids:
            self._owners[mode] = fields
        else:
            fields += _number_field(b"\x18", uid) + _number_field(b"\x20", gid)
            self._owners[mode, uid, gid] = fields
        return fields

    def _size_field(self, size: int) -> bytes:
        """Return field 5, and remember it: a tree has far fewer sizes than files."""
        if len(self._sizes) >= _MOST_SIZES:
            self._sizes.clear()
        field = _number_field(b"\x28", size)
        self._sizes[size] = field
        return field

    def _time_field(self, time: int) -> bytes:
        """Return field 6, and remember the part that the next ones will share with it."""
        if time >= 1 << 28:
            self._quarter = time >> 28
            self._quarter_groups = varint(self._quarter)
        return _number_field(b"\x30", time)


_GO_TYPES = {
    0o140000: 0,  # a socket travels as an empty file, as BuildKit's own clients send it
    0o120000: 1 << 27,
    0o100000: 0,
    0o060000: 1 << 26,
    0o040000: 1 << 31,
    0o020000: 1 << 26 | 1 << 21,
    0o010000: 1 << 25,
}
_GO_SPECIAL = ((0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20))


def go_mode(mode: int) -> int:
    """Return ``st_mode`` as the bits of Go's ``os.FileMode``."""
    bits = mode & 0o777 | _GO_TYPES.get(mode & 0o170000, 1 << 19)
    for unix, go in _GO_SPECIAL:
        if mode & unix:
            bits |= go
    return bits


def extra_fields(*, link: bytes = b"", device: int = 0, xattrs: Mapping[bytes, bytes] | None = None) -> bytes:
    """Return the packed fields that few entries have: ``linkname``, device numbers, extended attributes."""
    fields = _bytes_field(b"\x3a", link) if link else b""
    if device:
        fields += _number_field(b"\x40", os.major(device)) + _number_field(b"\x48", os.minor(device))
    for name, value in (xattrs or {}).items():
        fields += _bytes_field(b"\x52", _bytes_field(b"\x0a", name) + _bytes_field(b"\x12", value))
    return fields


class Packet(NamedTuple):
    """A parsed packet. ``stat`` and ``data`` are slices of the message and live as long as it does."""

    kind: int
    number: int
    stat: bytes | memoryview | None
    data: bytes | memoryview


class Stat(NamedTuple):
    """One entry as the daemon describes it; ``mode`` has the bits of Go's ``os.FileMode``, time is in ns.

    A tuple, because one is made for every file: a frozen dataclass takes four times as long.
    """

    path: bytes = b""
    mode: int = 0
    size: int = 0
    modified: int = 0
    link: bytes = b""
    major: int = 0
    minor: int = 0
    xattrs: Mapping[bytes, bytes] | None = None


def parse_request(message: bytes | memoryview) -> int | None:
    """Return the entry that a request asks for, or None if it needs ``parse``: the fast path for many."""
    # Two fields, in the usual encoding: a type, and a number of up to four bytes.
    if not 4 <= len(message) <= 7 or message[:3] != b"\x08\x01\x18" or message[-1] >= 0x80:
        return None
    number = message[3] & 0x7F
    for position in range(4, len(message)):
        if message[position - 1] < 0x80:
            return None
        number |= (message[position] & 0x7F) << 7 * (position - 3)
    return number


def parse_data(message: bytes | memoryview) -> tuple[int, bytes | memoryview] | None:
    """Return the number and the bytes of a piece of content, or None if it needs ``parse``."""
    if message[:3] != b"\x08\x02\x18":
        return None
    try:
        number, position = message[3], 4
        if number >= 0x80:
            number, position = _long_varint(message, 3)
            number &= 0xFFFFFFFF
        if position == len(message):
            return number, b""
        if message[position] != 0x22:
            return None
        length, position = message[position + 1], position + 2
        if length >= 0x80:
            length, position = _long_varint(message, position - 1)
    except IndexError:
        return None
    return (number, message[position:]) if position + length == len(message) else None


def parse(message: bytes | memoryview) -> Packet:
    """Parse one packet. Raises TransferError if it is malformed."""
    numbers, parts, _ = _fields(message)
    return Packet(
        numbers.get(0x08, 0), numbers.get(0x18, 0) & 0xFFFFFFFF, parts.get(0x12), parts.get(0x22, b"")
    )


def parse_stat(message: bytes | memoryview) -> Stat:
    """Parse the description of one entry. Raises TransferError if it is malformed."""
    numbers, parts, xattrs = _fields(bytes(message))
    return Stat(
        bytes(parts.get(0x0A, b"")),
        numbers.get(0x10, 0) & 0xFFFFFFFF,
        _signed(numbers.get(0x28, 0)),
        _signed(numbers.get(0x30, 0)),
        bytes(parts.get(0x3A, b"")),
        _signed(numbers.get(0x40, 0)),
        _signed(numbers.get(0x48, 0)),
        dict(map(_parse_xattr, xattrs)) if xattrs else None,
    )


def _parse_xattr(message: bytes | memoryview) -> tuple[bytes, bytes]:
    parts = _fields(message)[1]
    return bytes(parts.get(0x0A, b"")), bytes(parts.get(0x12, b""))


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


_Parts = dict[int, bytes | memoryview]


def _fields(message: bytes | memoryview) -> tuple[dict[int, int], _Parts, list[bytes | memoryview]]:
    """Return numbers and parts by their tag, and all values of the one field that may repeat.

    Fixed-width fields, which no packet has, are skipped.
    """
    numbers: dict[int, int] = {}
    parts: _Parts = {}
    xattrs: list[bytes | memoryview] = []
    position, end = 0, len(message)
    try:
        while position < end:
            tag = message[position]
            position += 1
            if tag >= 0x80:
                tag, position = _long_varint(message, position - 1)
                tag = tag & 7 | _UNKNOWN
            wire = tag & 7
            if wire in _FIXED_WIDTHS:
                position += _FIXED_WIDTHS[wire]
                continue
            number = message[position]
            position += 1
            if number >= 0x80:
                number, position = _long_varint(message, position - 1)
            if wire == 0:
                numbers[tag] = number
            elif wire == 2:
                parts[tag] = part = message[position : position + number]
                position += number
                if tag == _XATTR:
                    xattrs.append(part)
                    if len(xattrs) > _MOST_XATTRS:
                        raise TransferError(
                            f"the daemon sent an entry with more than {_MOST_XATTRS} extended attributes"
                        )
            else:
                raise TransferError(f"the daemon sent a malformed packet: wire type {wire}")
    except IndexError:
        position = end + 1
    if position > end:
        raise TransferError("the daemon sent a malformed packet: it ends too early")
    return numbers, parts, xattrs


def _long_varint(message: bytes | memoryview, position: int) -> tuple[int, int]:
    """Return the number at ``position``, and the position after it."""
    number = shift = 0
    while (group := message[position]) >= 0x80:
        number |= (group & 0x7F) << shift
        shift += 7
        position += 1
        if shift > 63:
            raise TransferError("the daemon sent a malformed packet: a number has too many bytes")
    return (number | group << shift) & _UINT64, position + 1
