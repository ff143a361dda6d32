"""Files that may have changed although their description didn't: make the daemon ask for them again.

A daemon compares mode, owner, size and modification time with its copy. An edit of the same size whose time
was put back afterwards looks unchanged to it. The kernel keeps a second time that nobody can put back,
``ctime``: if it is later than the daemon's first copy, and differs from the time that the daemon sees, the
file was renamed, linked, given another mode, or edited and put back. There is no telling which, so the file
is sent again.

The daemon asks because of a bit of Go's ``os.FileMode`` that no file of Linux has, ``ModeTemporary``: it is
compared with the daemon's copy, but neither written to the disk nor part of the checksum that decides about
cached steps (fsutil's ``compareStat`` and ``rewriteMetadata``, BuildKit's ``contenthash.NewFromStat``). No
trace of it is left once the file has arrived.

Within one tick of the clock for files a second edit leaves the same time. If a file has changed that
recently, we wait for the tick before any content is read: any later edit then has a later time. One wait is
enough for all files except those that are written to during the transfer.
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

# The cost of a file besides its content, in bytes.
_FILE = 4096
_LITTLE = 1 << 22
_SHARE = 16


class Doubts:
    """The doubts of one transfer. ``since`` is a time before the daemon's copy existed, in nanoseconds since
    the epoch; without it every file is doubted. ``places`` knows the directories that the copy was made
    of."""

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
        """Whether a new copy would be cheaper than asking for so many files again and again."""
        return not self._everything and self._weight > _LITTLE and self._weight * _SHARE > self._total

    def enter(self, path: bytes, directory: int) -> int:
        """Continue with the files of a directory, given by its path below the root and its open descriptor.

        Return a time: files with an earlier ``ctime`` are certainly unchanged; call ``mark`` for the others.
        Raises OSError.
        """
        self._all_here = self._everything or (
            self._places is not None and self._places.doubts(path, directory)
        )
        return _ALWAYS if self._all_here else self._since

    def mark(self, status: os.stat_result) -> bytes:
        """Return the packed field that makes the daemon ask for a regular file, empty if it is unchanged.

        Waits, once, if the file has just changed.
        """
        if not self._all_here:
            changed = status.st_ctime_ns
            if changed > self._settled:
                self._settle(changed)
            if changed == status.st_mtime_ns or (changed < self._fine and changed % _SECOND):
                return b""
        self._weight += status.st_size + _FILE
        # If a field comes twice, protobuf takes the last one.
        return b"\x10" + varint(packets.go_mode(status.st_mode) | _MODE_TEMPORARY)

    def end(self, files: int, size: int) -> None:
        """Note that all files are described; a whole transfer would be ``size`` bytes in ``files`` files.

        Raises OSError if the record of the daemon's copy can't be written.
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
