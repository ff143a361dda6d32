"""Times made from content: the same for a file in every clone, and different once it changes.

A daemon takes a file for unchanged if its size and its time are. In a fresh clone all times are new, so
everything would be sent. Here a file's time is computed from its content or, if the content isn't known, is a
time that no other file and no later state of this file has.

A time is made from the first of these that is available:

- the id of the blob that the file is known to be, without reading it (``CleanFiles``);
- the same id, computed from the content, if the file is small and hasn't just been written to, so that a
  file has the same time before and after it is committed;
- a salt of this checkout, with everything that the file system tells about the file (device, inode, size,
  both times), and with the file system's own id.

60 bits of that become a time in nanoseconds between June 1981 and December 2017: later than a zip archive's
earliest, earlier than any file of today. A link's time is made from its target; all entries without content
share one time.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Mapping
from hashlib import sha1
from typing import Protocol

from router.fstransfer.mounts import identity

__all__ = ["CleanFiles", "ContentTimes", "time_field", "time_of"]

_LARGEST_READ = 1 << 16
# A file that was written to this recently may still grow and is sent as it is then: it can't be promised.
_SETTLED = 2_000_000_000
# Within one tick of the kernel's clock for files, a second write leaves the same time.
_TICK = 20_000_000
_SECOND = 1_000_000_000

# A varint of nine bytes: eight times seven bits with the continuation mark, then four of the seven.
_LOW = bytes(byte | 0x80 for byte in range(256))
_HIGH = bytes(5 + byte % 16 for byte in range(256))
_TAG = b"\x30"


class CleanFiles(Protocol):
    """Identifies some files without reading them."""

    def blob(self, path: bytes, status: os.stat_result, /) -> bytes | None:
        """Return the id of the blob that a file is, None if that isn't proven."""


def time_field(identity: bytes) -> bytes:
    """Return a time made of 9 bytes or more that look random, as the packed field of an entry."""
    return _TAG + identity[:8].translate(_LOW) + identity[8:9].translate(_HIGH)


def time_of(identity: bytes) -> int:
    """Return the same time in nanoseconds since the epoch."""
    low = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(identity[:8]))
    return (5 + identity[8] % 16 << 56) + low


_NO_CONTENT = time_field(bytes(9))


class ContentTimes:
    """The times of one transfer. ``salt`` is the checkout's own: random, and the same in its next build.

    A time made from a blob comes with the promise of that blob: the content that is sent must be it.
    """

    def __init__(self, clean: CleanFiles | None, salt: bytes) -> None:
        self._blob = _nothing if clean is None else clean.blob
        self._salt = salt
        self._file_systems: dict[int, bytes] = {}
        self._linked: dict[tuple[int, int], tuple[bytes, bytes]] = {}

    def enter(self, directory: int) -> None:
        """Continue with the entries of a directory, given by its descriptor. Raises OSError."""
        device = os.fstat(directory).st_dev
        if device not in self._file_systems:
            # If nothing tells it from others, none of its files is recognised again.
            self._file_systems[device] = identity(directory) or os.urandom(16)

    def plain(self, path: bytes, status: os.stat_result, read: Read) -> tuple[bytes, bytes]:
        """Return the packed time of a regular file with one name and no attributes, and the id of the blob
        that it promises, empty for no promise."""
        blob = self._blob(path, status)
        if blob is None:
            return self._other(path, status, read)
        return _TAG + blob[:8].translate(_LOW) + blob[8:9].translate(_HIGH), blob

    def any(
        self, path: bytes, status: os.stat_result, extra: bytes, xattrs: Mapping[bytes, bytes], read: Read
    ) -> tuple[bytes, bytes]:
        """Return the same for any entry; ``extra`` are its further fields, including a link's target."""
        mode = status.st_mode
        if stat.S_ISLNK(mode):
            return time_field(_digest(b"link", extra)), b""
        if not stat.S_ISREG(mode):
            return _NO_CONTENT, b""
        if status.st_nlink == 1:
            field, blob = self.plain(path, status, read)
        else:
            # All names of a file share its time, whichever of them the index lists.
            inode = status.st_dev, status.st_ino
            if inode not in self._linked:
                self._linked[inode] = self.plain(path, status, read)
            field, blob = self._linked[inode]
        if xattrs:
            # The daemon doesn't compare attributes.
            parts = (part for item in sorted(xattrs.items()) for part in item)
            field = time_field(_digest(b"attributes", field, *parts))
        return field, blob

    def _other(self, path: bytes, status: os.stat_result, read: Read) -> tuple[bytes, bytes]:
        changed, now = status.st_ctime_ns, time.time_ns()
        if status.st_size <= _LARGEST_READ and changed < now - _SETTLED:
            data = read(path, status)
            if data is not None:
                blob = sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).digest()
                return time_field(blob), blob
        known = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, changed)
        parts = [self._salt, self._file_systems.get(status.st_dev, b""), b"%d %d %d %d %d" % known]
        if changed > now - (_TICK if changed % _SECOND else _SETTLED):
            parts.append(os.urandom(16))
        return time_field(_digest(b"checkout", *parts)), b""


Read = Callable[[bytes, os.stat_result], bytes | None]
"""Reads a whole file by its path below the root; None if its size or ``ctime`` has changed."""


def _nothing(_path: bytes, _status: os.stat_result) -> bytes | None:
    return None


def _digest(*parts: bytes) -> bytes:
    digest = sha1(usedforsecurity=False)
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return digest.digest()
