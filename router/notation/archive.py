"""What a file begins with tells whether it is an archive that can be a build context. Pure.

https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html (ustar), RFC 1952 and RFC 8878.
"""

from __future__ import annotations

__all__ = ["HEADER_SIZE", "is_archive", "is_plain_archive"]

HEADER_SIZE = 1024
"""How many of the first bytes it takes to tell."""

_BZIP2, _GZIP, _XZ, _ZSTD = b"BZh", b"\x1f\x8b\x08", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
# Sixteen magic numbers in little endian: zstd frames that a reader skips, which may come first.
_SKIPPABLE = b"\x2a\x4d\x18"

_BLOCK = 512
_CHECKSUM = slice(148, 156)
_TYPE = 156
# Headers that only say something of the next one: extended (pax), and long names (GNU).
_PREPENDED = b"xXLK"


def is_archive(header: bytes) -> bool:
    """Say whether it is a tar: plain, or what may be one, compressed with gzip, bzip2, xz or zstd."""
    compressed = header.startswith((_BZIP2, _GZIP, _XZ, _ZSTD)) or _is_skippable(header)
    return compressed or _is_tar(header)


def is_plain_archive(header: bytes) -> bool:
    """Say whether it is an archive that the Dockerfile frontend itself knows as one.

    It looks at the first 1,024 bytes alone, in which it must find a whole entry, and it knows no zstd.
    """
    if header.startswith((_BZIP2, _GZIP, _XZ)):
        return True
    return _is_tar(header) and header[_TYPE] not in _PREPENDED


def _is_skippable(header: bytes) -> bool:
    return len(header) > 4 and header[0] & 0xF0 == 0x50 and header[1:4] == _SKIPPABLE


def _is_tar(header: bytes) -> bool:
    block = header[:_BLOCK]
    if len(block) < _BLOCK:
        return False
    try:
        # What follows a NUL does not count.
        announced = int(block[_CHECKSUM].partition(b"\0")[0].decode("ascii").strip() or "x", 8)
    except ValueError:
        return False
    # The checksum's own field counts as blanks. Old programs added signed bytes.
    rest = block[: _CHECKSUM.start] + b" " * 8 + block[_CHECKSUM.stop :]
    unsigned = sum(rest)
    return announced in {unsigned, unsigned - 256 * sum(byte > 127 for byte in rest)}
