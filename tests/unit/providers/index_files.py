"""Index files, byte by byte, for what git itself does not write."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["bitmap", "index_file", "link"]


def index_file(version: int, paths: Sequence[bytes], extension: bytes = b"") -> bytes:
    """Return an index without its checksum; paths of version 4 keep nothing of the one before."""
    out = b"DIRC" + version.to_bytes(4) + len(paths).to_bytes(4)
    before = b""
    for path in paths:
        flags = len(path) | (0x4000 if version == 3 else 0)
        entry = bytes(24) + 0o100644.to_bytes(4) + bytes(32) + flags.to_bytes(2) + bytes(2 * (version == 3))
        entry += bytes([len(before)]) * (version == 4) + path + b"\0"
        out += entry if version == 4 else entry + bytes(-len(entry) % 8)
        before = path
    return out + extension


def bitmap(word: int) -> bytes:
    """Return one word of 64 bits, as EWAH packs it."""
    return (
        word.bit_length().to_bytes(4) + (2).to_bytes(4) + (1 << 33).to_bytes(8) + word.to_bytes(8) + bytes(4)
    )


def link(deleted: int, replaced: int) -> bytes:
    """Extensions that make an index a split one, after one that is only a cache; each bit is an entry."""
    body = b"\1" * 20 + bitmap(deleted) + bitmap(replaced)
    return b"TREE\0\0\0\0link" + len(body).to_bytes(4) + body
