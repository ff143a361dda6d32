"""What one tree may make its receiver remember. Pure.

A daemon names a file in one message, and the name is kept until the transfer is over. What no file system
takes is refused when it is announced, and all that is kept is counted.
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
# What mknod takes: 12 and 20 bits.
_MOST_MAJOR = (1 << 12) - 1
_MOST_MINOR = (1 << 20) - 1
# What an entry takes beside its texts, measured.
_ENTRY = 512
# The largest images have some hundred thousand files; this is about two million.
_MOST_KEPT = 1 << 30
_MOST_SHOWN = 100


class Kept:
    """Counts what is remembered of a tree, in bytes."""

    def __init__(self) -> None:
        self._size = 0

    def take(self, entry: Stat) -> None:
        """Count one entry. Raises OutputError, TransferError for one that is too large, or one too many."""
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
                f"the daemon sent {quoted_name(path)} as a link or a device that Linux doesn't have",
                reason="unsafe",
            )
        if len(entry.link) > _MOST_PATH:
            raise OutputError(
                f"the daemon sent {quoted_name(path)} as a link to a name of {len(entry.link)} bytes, "
                f"where {_MOST_PATH} are possible",
                reason="unsafe",
            )
        self._size += _ENTRY + len(path) + len(entry.link)
        if entry.xattrs:
            self._size += _size_of_xattrs(entry)
        if self._size > _MOST_KEPT:
            raise TransferError(
                f"the daemon sends a tree whose names and attributes take more than {_MOST_KEPT >> 20} MiB"
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
    """Return a name of the daemon's as it can be shown, cut where it is long."""
    more = "..." if len(path) > _MOST_SHOWN else ""
    return quoted(os.fsdecode(path[:_MOST_SHOWN])) + more
