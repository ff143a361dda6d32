"""Files that may have changed although their description didn't: the daemon is made to ask for them again.

A daemon compares mode, owner, size and time of last change with its copy. An edit of the same size whose time
was put back afterwards looks like no change to it. The kernel keeps a second time that nobody can put back,
``ctime``: where that is later than the daemon's first copy, and differs from the time that the daemon sees,
the file was renamed, given another mode, linked, or edited and put back. Which one can't be known, so it is
sent again.

What makes the daemon ask is a bit of Go's ``os.FileMode`` that no file of Linux has, ``ModeTemporary``: it is
compared with the daemon's copy, but neither written to the disk nor part of the checksum that decides about
cached steps (fsutil's ``compareStat`` and ``rewriteMetadata``, BuildKit's ``contenthash.NewFromStat``).
Nothing of it is left once the file has arrived.

Within a tick of the clock for files a second edit leaves no other time. Where a file has changed so lately,
the tick is waited for before any content is read: whatever is edited then has a later time. Once is enough
for all files but those that somebody writes to during the transfer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from router.fstransfer import packets
from router.fstransfer.places import Places
from router.notation.varint import varint

__all__ = ["Doubts"]

_MODE_TEMPORARY = 1 << 28

# The kernel's clock for files ticks every 10 ms at the slowest; some file systems keep (even) seconds only.
_TICK = 20_000_000
_COARSE = 2_000_000_000
_SECOND = 1_000_000_000
_ALWAYS = -(1 << 63)
_NEVER = (1 << 63) - 1

# What one file costs beside its content, in bytes.
_FILE = 4096
_LITTLE = 1 << 22
_SHARE = 16


class Doubts:
    """The doubts of one transfer. ``since`` is when the daemon's copy can't have been there yet, in
    nanoseconds since the epoch; without it every file is doubted. ``places`` knows the directories that the
    copy was made of."""

    def __init__(
        self,
        since: int | None = None,
        places: Places | None = None,
        *,
        clock: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._places = places
        self._everything = self._all_here = since is None
        self._since = _ALWAYS if since is None else since - _COARSE
        self._fine = 0 if since is None else since - _TICK
        self._settled = clock() - _COARSE
        self._weight = self._total = 0

    @property
    def excessive(self) -> bool:
        """Whether a new copy would be cheaper than asking for so much again and again."""
        return not self._everything and self._weight > _LITTLE and self._weight * _SHARE > self._total

    def enter(self, path: bytes, directory: int) -> int:
        """Go on with the files in a directory: one below the root by its path, and open.

        Return a time: those whose ``ctime`` is earlier are above doubt, and ``mark`` looks closer at the
        others. Raises OSError.
        """
        self._all_here = self._everything or (
            self._places is not None and self._places.doubts(path, directory)
        )
        return _ALWAYS if self._all_here else self._since

    def mark(self, status: os.stat_result) -> bytes:
        """Return the packed field that makes the daemon ask for a regular file, none where all is well.

        Waits, once, where the file has just changed.
        """
        if not self._all_here:
            changed = status.st_ctime_ns
            if changed > self._settled:
                self._settle(changed)
            if changed == status.st_mtime_ns or (changed < self._fine and changed % _SECOND):
                return b""
        self._weight += status.st_size + _FILE
        # Of a field that comes twice, protobuf takes the last.
        return b"\x10" + varint(packets.go_mode(status.st_mode) | _MODE_TEMPORARY)

    def end(self, files: int, size: int) -> None:
        """Note that all is described, and what a whole transfer would be: ``size`` bytes in ``files`` files.

        Raises OSError where it can't be kept what the daemon has now.
        """
        self._total = size + files * _FILE
        if self._places is not None:
            self._places.keep()

    def _settle(self, changed: int) -> None:
        tick = _TICK if changed % _SECOND else _COARSE
        left = changed + tick - self._clock()
        if left > 0:
            self._sleep(min(left, tick) / _SECOND)
            self._settled = _NEVER
