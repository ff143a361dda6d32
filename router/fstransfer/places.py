"""Directories that replaced another one: recognised by a record of what was described where before.

``mv`` and ``mount --bind`` put a directory of older files where another one was. The daemon and ``Doubts``
see no time change, and if names, sizes and times of the files agree, everything seems unchanged. So every
directory with a described entry is remembered, with its device and inode, for as long as the daemon may use
its copy. If a path has had two directories, in whatever order, the copy may have files of either: everything
below that path is doubted from then on.

New pairs are added to the record before the daemon hears that everything is described: a transfer that ends
earlier leaves no copy behind. The record is read when a transfer begins, because the daemon doesn't begin one
before the last one that used the copy is complete.
"""

from __future__ import annotations

import os
from struct import Struct
from typing import Protocol

from router.fstransfer.mounts import identity
from router.hashes import blake2b

__all__ = ["PAIR", "Places", "Record"]

_HALF = 8
PAIR = 2 * _HALF
"""The size in bytes of a directory in a record: a hash of its path, and one of its identity."""

_pairs = Struct(f"{_HALF}s{_HALF}s").iter_unpack
_SEVERAL = b""


class Record(Protocol):
    """Keeps pairs of hashes for all transfers that may use the same copy."""

    def directories(self) -> bytes | None:
        """Return everything that was added, None if the record is lost."""

    def add_directories(self, pairs: bytes, /) -> None:
        """Keep more of them, or make sure that no later build finds the copy. Raises OSError."""


class Places:
    """The directories of one transfer; ``name`` is the daemon's name for the root."""

    def __init__(self, name: str, record: Record) -> None:
        self._name = name.encode("utf-8", "surrogateescape") + b"\0"
        self._record = record
        pairs = record.directories()
        self._known: dict[bytes, bytes] = {}
        for place, directory in _pairs(pairs or b""):
            if self._known.setdefault(place, directory) != directory:
                self._known[place] = _SEVERAL
        self._new: list[bytes] = []
        # The record itself takes care of the root.
        self._doubted: dict[bytes, bool] = {b"": pairs is None}
        self._file_systems: dict[int, bytes | None] = {}

    def doubts(self, path: bytes, directory: int) -> bool:
        """Say whether the entries of a directory, given by its path below the root and its open descriptor,
        are doubted.

        Ask about a directory after its parent. Raises OSError.
        """
        found = self._doubted.get(path)
        if found is None:
            seen = self._saw_another(path, directory)
            found = self._doubted[path] = seen or self._doubted[path.rpartition(b"/")[0]]
        return found

    def keep(self) -> None:
        """Add the new pairs to the record. Raises OSError."""
        if self._new:
            self._record.add_directories(b"".join(self._new))
            self._new.clear()

    def _saw_another(self, path: bytes, directory: int) -> bool:
        status = os.fstat(directory)
        device = status.st_dev
        if device not in self._file_systems:
            self._file_systems[device] = identity(directory)
        if (file_system := self._file_systems[device]) is None:
            return True
        here = _hash(self._name + path)
        this = _hash(b"%d %d " % (device, status.st_ino) + file_system)
        known = self._known.get(here)
        if known == this:
            return False
        if known != _SEVERAL:
            self._new.append(here + this)
            self._known[here] = this if known is None else _SEVERAL
        return known is not None


def _hash(data: bytes) -> bytes:
    return blake2b(data, digest_size=_HALF).digest()
