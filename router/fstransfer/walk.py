"""Walk a directory in the order of the transfer: names sorted, a directory before its entries.

Paths are bytes, relative to the root, and compared as bytes: this is the order that the daemon demands. An
entry that vanishes before it is looked at is left out, as if the walk had come a moment later. No link is
followed. If a link replaces a directory during the walk, that is an error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from operator import itemgetter
from stat import S_ISDIR

from router.fstransfer.beneath import Descent, Root
from router.fstransfer.selection import Scope

__all__ = ["Entry", "walk", "walk_selected"]

_by_name = itemgetter(0)

# Listing a descriptor's directory returns text, even when asked for bytes.
_NAMES = (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())

Entry = tuple[bytes, int, bytes, os.stat_result]
"""The path below the root, a descriptor of its directory, its name there, and the result of ``lstat``.

The descriptor is valid until the next entry is asked for.
"""


def walk(root: Root) -> Generator[Entry]:
    """Yield every entry below ``root``. Raises OSError if a directory can't be read."""
    return _walk_all(root, root.descriptor, b"")


def _walk_all(root: Root, place: int, prefix: bytes) -> Generator[Entry]:
    """Yield every entry in an open directory, whose own path below the root is ``prefix`` (with a slash)."""
    # One flat loop over local names: 100,000 files are walked in about a third of a second. Measured: listing
    # a descriptor and taking the status of its names cost as much as whole paths do; scandir costs more.
    stat = os.stat
    waiting: list[tuple[bytes, Iterator[bytes]]] = []
    descent = Descent(place, root.full(prefix))
    try:
        names = _names(place)
        while True:
            for name in names:
                try:
                    status = stat(name, dir_fd=place, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                path = prefix + name
                yield path, place, name, status
                if S_ISDIR(status.st_mode) and _enter(descent, name):
                    waiting.append((prefix, names))
                    place, prefix = descent.here, path + b"/"
                    names = _names(place)
                    break
            else:
                if not waiting:
                    return
                descent.leave()
                place = descent.here
                prefix, names = waiting.pop()
    except OSError as exc:
        _name(exc, root, prefix)
        raise
    finally:
        descent.close()


def walk_selected(root: Root, scope: Scope) -> Generator[Entry]:
    """Yield the entries below ``root`` that ``scope`` wants, each after its parent directories.

    Raises OSError if a directory that may hold a wanted entry can't be read, and UsageError for a malformed
    pattern.
    """
    # Parents that have not been yielded yet: they are, once an entry in them is.
    held: list[_Held] = []
    waiting: list[tuple[bytes, Iterator[_Chosen]]] = []
    descent, prefix = Descent(root.descriptor, root.path), b""
    try:
        names = _chosen(descent.here, prefix, scope)
        while True:
            for name, wanted, inner in names:
                path = prefix + name
                try:
                    status = os.stat(name, dir_fd=descent.here, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if wanted:
                    if held:
                        yield from _placed(held, descent)
                        held.clear()
                    yield path, descent.here, name, status
                if inner is False or not _enter(descent, name):
                    continue
                if not wanted:
                    held.append((path, name, status))
                waiting.append((prefix, names))
                prefix = path + b"/"
                if inner is True:
                    yield from _walk_all(root, descent.here, prefix)
                names = iter(()) if inner is True else _chosen(descent.here, prefix, inner)
                break
            else:
                del held[-1:]  # if there is one, it is this directory: it had no wanted entry
                if not waiting:
                    return
                descent.leave()
                prefix, names = waiting.pop()
    except OSError as exc:
        _name(exc, root, prefix)
        raise
    finally:
        descent.close()


_Held = tuple[bytes, bytes, os.stat_result]
"""An entry without its directory's descriptor."""


def _placed(held: list[_Held], descent: Descent) -> Iterator[Entry]:
    """Yield the directories from an outer one down to the current one."""
    around = descent.innermost(len(held) + 1)
    for (path, name, status), directory in zip(held, around, strict=False):
        yield path, directory, name, status


_Chosen = tuple[bytes, bool, Scope | bool]
"""A name, whether it is wanted, and which of its entries are."""


def _enter(descent: Descent, name: bytes) -> bool:
    """Enter a directory, and say whether it still existed."""
    try:
        descent.enter(name)
    except FileNotFoundError:
        return False
    return True


def _names(place: int) -> Iterator[bytes]:
    try:
        names = [name.encode(*_NAMES) for name in os.listdir(place)]
    except FileNotFoundError:
        return iter(())
    names.sort()
    return iter(names)


def _chosen(place: int, prefix: bytes, scope: Scope) -> Iterator[_Chosen]:
    """Return the entries of a directory that are wanted, or may hold wanted ones."""
    chosen: list[_Chosen] = []
    start = prefix.decode("utf-8", "surrogateescape")
    try:
        with os.scandir(place) as found:
            for entry in found:
                name = entry.name.encode(*_NAMES)
                text = start + name.decode("utf-8", "surrogateescape")
                if entry.is_dir(follow_symlinks=False):
                    wanted, inner = scope.enter(text)
                    if wanted or inner is not False:
                        chosen.append((name, wanted, inner))
                elif scope.wants(text):
                    chosen.append((name, True, False))
    except FileNotFoundError:
        return iter(())
    chosen.sort(key=_by_name)
    return iter(chosen)


def _name(error: OSError, root: Root, prefix: bytes) -> None:
    """Give an error the whole path: until now it names an entry of a directory, or gives a number."""
    name = error.filename
    if not isinstance(name, bytes):
        error.filename = root.full(prefix.removesuffix(b"/"))
    elif b"/" not in name:
        error.filename = root.full(prefix + name)
