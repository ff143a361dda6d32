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
"""

from __future__ import annotations

import os

from router.fstransfer import packets

__all__ = ["Doubts"]

_MODE_TEMPORARY = 1 << 28

# The kernel's clock for files ticks every 10 ms at the slowest; some file systems keep (even) seconds only.
_TICK = 20_000_000
_COARSE = 2_000_000_000
_SECOND = 1_000_000_000

# What one file costs beside its content, in bytes.
_FILE = 4096
_LITTLE = 1 << 22
_SHARE = 16


class Doubts:
    """The doubts of one build. ``since`` is when the daemon's copy can't have been there yet, in nanoseconds
    since the epoch; without it every file is doubted."""

    def __init__(self, since: int | None = None) -> None:
        self.since = -(1 << 63) if since is None else since - _COARSE
        """A file whose ``ctime`` is earlier is above doubt; ``mark`` looks closer at the others."""
        self._everything = since is None
        self._fine = 0 if since is None else since - _TICK
        self._weight = self._total = 0

    @property
    def excessive(self) -> bool:
        """Whether a new copy would be cheaper than asking for so much again and again."""
        return not self._everything and self._weight > _LITTLE and self._weight * _SHARE > self._total

    def mark(self, status: os.stat_result) -> bytes:
        """Return the packed field that makes the daemon ask for a regular file, none where all is well."""
        if not self._everything:
            changed = status.st_ctime_ns
            if changed == status.st_mtime_ns or (changed < self._fine and changed % _SECOND):
                return b""
        self._weight += status.st_size + _FILE
        # Of a field that comes twice, protobuf takes the last.
        return b"\x10" + packets.varint(packets.go_mode(status.st_mode) | _MODE_TEMPORARY)

    def weigh(self, files: int, size: int) -> None:
        """Note what a whole transfer would be: ``size`` bytes in ``files`` files."""
        self._total += size + files * _FILE
