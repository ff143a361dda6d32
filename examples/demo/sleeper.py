"""A Linux program that sleeps, 180 bytes long: the demo's images need no base image, and so no network."""

from __future__ import annotations

import struct

__all__ = ["sleepers"]

_BASE = 0x400000
_HEADERS = 64 + 56  # of the file, and of its one segment

# nanosleep(the 16 bytes behind the code, NULL), then exit(0)
_X86_64 = bytes.fromhex("b823000000 488d3d0d000000 31f6 0f05 b83c000000 31ff 0f05")
_AARCH64 = struct.pack(
    "<7I", 0x100000E0, 0xD2800001, 0xD2800CA8, 0xD4000001, 0xD2800000, 0xD2800BA8, 0xD4000001
)


def sleepers(seconds: int) -> dict[str, bytes]:
    """Return the program for each architecture that the demo knows, by the name that BuildKit gives it."""
    return {"amd64": _elf(62, _X86_64, seconds), "arm64": _elf(183, _AARCH64, seconds)}


def _elf(machine: int, code: bytes, seconds: int) -> bytes:
    size = _HEADERS + len(code) + 16
    file = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(b"\x7fELF\x02\x01\x01", 2, machine, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0),
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return file + segment + code + struct.pack("<qq", seconds, 0)
