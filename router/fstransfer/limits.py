"""Limits on the tree that a receiver remembers. Pure.

A daemon names a file in one message, and the name is kept until the transfer is over. A name that no file
system accepts is refused when it is announced, and everything that is kept is counted.
"""

from __future__ import annotations

import os

from router.errors import OutputError, TransferError
from router.fstransfer.packets import Stat
from router.notation.quoting import quoted

__all__ = ["Kept", "quoted_name"]

# Linux: NAME_MAX, and PATH_MAX without the byte that ends it.
_MOST_NAME = 255
_MOST_PATH = 4095
# XATTR_NAME_MAX, XATTR_SIZE_MAX.
_MOST_XATTR_NAME = 255
_MOST_XATTR_VALUE = 1 << 16
# The limits of mknod: 12 and 20 bits.
_MOST_MAJOR = (1 << 12) - 1
_MOST_MINOR = (1 << 20) - 1
# The memory for an entry besides its texts, measured.
_ENTRY = 512
# The largest images have some hundred thousand files; this is about two million.
_MOST_KEPT = 1 << 30
_MOST_SHOWN = 100


class Kept:
    """Counts the bytes that are remembered for a tree."""

    def __init__(self) -> None:
        self._size = 0

    def take(self, entry: Stat) -> None:
        """Count one entry. Raises OutputError or TransferError if it is too large, or one too many."""
        path = entry.path
        if len(path) > _MOST_NAME and (
            len(path) > _MOST_PATH or max(map(len, path.split(b"/"))) > _MOST_NAME
        ):
            raise OutputError(
                f"the daemon sent {quoted_name(path)}: file name too long "
                f"({_MOST_NAME} bytes at most, {_MOST_PATH} with its directories)",
                reason="unsafe",
            )
        if b"\0" in entry.link or not (0 <= entry.major <= _MOST_MAJOR and 0 <= entry.minor <= _MOST_MINOR):
            raise OutputError(
                f"the daemon sent {quoted_name(path)} as a link or device that is impossible on Linux",
                reason="unsafe",
            )
        if len(entry.link) > _MOST_PATH:
            raise OutputError(
                f"the daemon sent {quoted_name(path)} as a link whose target has {len(entry.link)} bytes "
                f"({_MOST_PATH} at most)",
                reason="unsafe",
            )
        self._size += _ENTRY + len(path) + len(entry.link)
        if entry.xattrs:
            self._size += _size_of_xattrs(entry)
        if self._size > _MOST_KEPT:
            raise TransferError(
                f"the daemon sent a tree with more than {_MOST_KEPT >> 20} MiB of names and attributes"
            )


def _size_of_xattrs(entry: Stat) -> int:
    size = 0
    for name, value in (entry.xattrs or {}).items():
        if len(name) > _MOST_XATTR_NAME or len(value) > _MOST_XATTR_VALUE:
            raise TransferError(
                f"the daemon sent {quoted_name(entry.path)} with an extended attribute of "
                f"{len(name)} and {len(value)} bytes ({_MOST_XATTR_NAME} and {_MOST_XATTR_VALUE} at most)"
            )
        size += _ENTRY // 2 + len(name) + len(value)
    return size


def quoted_name(path: bytes) -> str:
    """Return a name from the daemon for display, cut if it is long."""
    more = "..." if len(path) > _MOST_SHOWN else ""
    return quoted(os.fsdecode(path[:_MOST_SHOWN])) + more
