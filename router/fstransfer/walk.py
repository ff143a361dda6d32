"""Walk a directory in the order of the transfer: names sorted, a directory before what is in it.

Paths are bytes, relative to the root, and compared as bytes: this is the order that the daemon demands. What
vanishes before it is looked at is left out, as if the walk had come a moment later.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from operator import attrgetter
from stat import S_ISDIR

from router.fstransfer.selection import Scope

__all__ = ["Entry", "walk", "walk_selected"]

Entry = tuple[bytes, bytes, os.stat_result]
"""The path below the root, the path to open, and what ``lstat`` says."""

_GONE = (FileNotFoundError, NotADirectoryError)
_by_name = attrgetter("name")


def walk(directory: bytes, prefix: bytes = b"") -> Iterator[Entry]:
    """Yield every entry in ``directory``, whose own path below the root is ``prefix`` (with a slash).

    Raises OSError where a directory can't be read.
    """
    # One flat loop over local names: 100,000 files are walked in about a third of a second. Measured:
    # listdir and lstat beat scandir and descriptors of directories.
    lstat = os.lstat
    waiting: list[tuple[bytes, bytes, Iterator[bytes]]] = []
    place, names = directory + b"/", _names(directory)
    while True:
        for name in names:
            full = place + name
            try:
                status = lstat(full)
            except _GONE:
                continue
            path = prefix + name
            yield path, full, status
            if S_ISDIR(status.st_mode):
                waiting.append((place, prefix, names))
                place, prefix, names = full + b"/", path + b"/", _names(full)
                break
        else:
            if not waiting:
                return
            place, prefix, names = waiting.pop()


def walk_selected(directory: bytes, scope: Scope) -> Iterator[Entry]:
    """Yield the entries below ``directory`` that ``scope`` wants, each after the directories it is in.

    Raises OSError where a directory can't be read, unless it is left out itself and may not be read, and
    UsageError for a malformed pattern.
    """
    # Directories around the place that nothing has been yielded of: they are, once something in them is.
    held: list[Entry] = []
    waiting: list[tuple[Iterator[os.DirEntry[bytes]], bytes, Scope]] = []
    names, prefix = _entries(directory, wanted=True), b""
    while True:
        for entry in names:
            path = prefix + entry.name
            text = path.decode("utf-8", "surrogateescape")
            inner: Scope | bool = False
            if entry.is_dir(follow_symlinks=False):
                wanted, inner = scope.enter(text)
            else:
                wanted = scope.wants(text)
            if not wanted and inner is False:
                continue
            try:
                status = os.lstat(entry.path)
            except _GONE:
                continue
            held.append((path, entry.path, status))
            if wanted:
                yield from held
                held.clear()
            if inner is True:
                yield from walk(entry.path, path + b"/")
            elif inner is not False:
                waiting.append((names, prefix, scope))
                names, prefix, scope = _entries(entry.path, wanted=wanted), path + b"/", inner
                break
        else:
            if held and held[-1][0] + b"/" == prefix:
                held.pop()
            if not waiting:
                return
            names, prefix, scope = waiting.pop()


def _names(directory: bytes) -> Iterator[bytes]:
    try:
        names = os.listdir(directory)
    except _GONE:
        names = []
    names.sort()
    return iter(names)


def _entries(directory: bytes, *, wanted: bool) -> Iterator[os.DirEntry[bytes]]:
    """Return what is in a directory, nothing where it is left out itself and can't be read."""
    try:
        with os.scandir(directory) as found:
            return iter(sorted(found, key=_by_name))
    except _GONE:
        return iter(())
    except PermissionError:
        if wanted:
            raise
        return iter(())
