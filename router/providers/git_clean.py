"""Which files of a git checkout are known to be what their blobs are, without reading them.

The rule is git's own, made stricter. git believes that a file is unchanged while ``lstat`` says of it what
the index has. Here all that git wrote down must match, with the change time, which no program can set; and
both times must lie before the index was written, because a file that changed later in the same tick of the
clock would show the same ("racily clean": git reads such a file). What is not proven is for the caller to
read. Files that git converts on their way from the blob are left to ``git_conversion``.

What is trusted: the index, as far as it speaks of files that have this machine's inodes and change times. A
checkout that came as an archive can't know these. Whoever can run programs in the checkout can write an
index that lies, and so have a file described as another blob; he could also talk to the daemon himself. Not
noticed, as by git: a file that somebody wrote twice within a tick while git looked at it in between; and one
that a filter made, at equal size, for attributes that the checkout has no more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha1, sha256
from struct import Struct, error

from router.providers.git_checkout import Place, checkout_at, find_checkout, read_file, read_with_status
from router.providers.git_conversion import read_settings, unconverted
from router.providers.git_index import SHA1, STAT, BrokenIndexError, Index, join_split, parse_index

__all__ = ["CleanFiles", "clean_files"]

_MAX_INDEX = 1 << 29
_SECOND = 1_000_000_000
# The change time, the other time, device, inode, mode, owner, group, size: each cut to 32 bits.
_pack = Struct(">10I").pack


class CleanFiles:
    """What the index of the checkout around a directory proves about the files below it."""

    def __init__(self, index: Index, written: os.stat_result, place: Place) -> None:
        self._data = index.data
        self._starts_with = index.data.startswith
        self._find = index.files.get
        self._end = STAT + index.width
        self._written = min(written.st_mtime_ns, written.st_ctime_ns)
        self._device = written.st_dev
        self._empty = (sha1 if index.width == SHA1 else sha256)(b"blob 0\0", usedforsecurity=False).digest()
        self._place = place
        self._submodules = tuple(path + b"/" for path in index.submodules)
        self._opened: dict[bytes, CleanFiles | None] = {}

    def blob(self, path: bytes, status: os.stat_result) -> bytes | None:
        """Return the id of the blob that a file's content is (20 or 32 bytes), None if that is not proven.

        ``path`` is relative to the directory, ``status`` what ``lstat`` says of it now.
        """
        at = self._find(path)
        if at is None:
            return self._in_submodule(path, status) if self._submodules else None
        mode, inode, device, _, owner, group, size, *_ = status
        changed, modified = status.st_ctime_ns, status.st_mtime_ns
        try:
            described = _pack(
                changed // _SECOND,
                changed % _SECOND,
                modified // _SECOND,
                modified % _SECOND,
                device & 0xFFFFFFFF,
                inode & 0xFFFFFFFF,
                # git keeps of the mode only whether its owner may run it.
                mode & 0o170000 | (0o755 if mode & 0o100 else 0o644),
                owner,
                group,
                size,
            )
        except error:
            return None  # a time or a size that 32 bits don't hold: git cuts it
        if not self._starts_with(described, at) or not changed < self._written > modified:
            return None
        # Each of these is rare; the rule for it stands below, off the path of 100,000 files.
        if device != self._device or not (inode and size and changed % _SECOND and modified % _SECOND):
            return self._unless_doubtful(at, status)
        return self._data[at + STAT : at + self._end]

    def _unless_doubtful(self, at: int, status: os.stat_result) -> bytes | None:
        blob = self._data[at + STAT : at + self._end]
        # Other clocks may have made the times of other file systems; some know no inodes.
        if status.st_dev != self._device or status.st_ino == 0:
            return None
        # git marks an entry as changed by the size 0.
        if status.st_size == 0 and blob != self._empty:
            return None
        # No nanoseconds: the file system may keep whole seconds, or every other one (FAT).
        for moment in (status.st_ctime_ns, status.st_mtime_ns):
            if moment % _SECOND == 0 and moment + 2 * _SECOND > self._written:
                return None
        return blob

    def _in_submodule(self, path: bytes, status: os.stat_result) -> bytes | None:
        if not path.startswith(self._submodules):
            return None
        inside = max((name for name in self._submodules if path.startswith(name)), key=len)
        if inside not in self._opened:
            place = self._place
            checkout = checkout_at(os.path.join(place.checkout.top, place.prefix + inside[:-1]))
            at_top = Place(checkout=checkout, prefix=b"", environment=place.environment) if checkout else None
            self._opened[inside] = _read(at_top) if at_top else None
        opened = self._opened[inside]
        return opened.blob(path[len(inside) :], status) if opened else None


def clean_files(directory: bytes, environment: Mapping[str, str]) -> CleanFiles | None:
    """Return what is proven below ``directory``; None if it is in no checkout, or in one of an unknown kind.

    ``environment`` is where git would find its user's settings: HOME and PATH, first of all.
    """
    checkout = find_checkout(directory)
    if checkout is None:
        return None
    inner = os.path.relpath(os.path.realpath(directory), checkout.top)
    prefix = b"" if inner == b"." else inner + b"/"
    return _read(Place(checkout=checkout, prefix=prefix, environment=environment))


def _read(place: Place) -> CleanFiles | None:
    checkout = place.checkout
    settings = read_settings(place)
    # The index is replaced, never changed: what the open one says of itself belongs to its content.
    found = read_with_status(os.path.join(checkout.git_directory, b"index"), _MAX_INDEX)
    if settings is None or found is None:
        return None
    data, written = found
    try:
        index = parse_index(data, settings.width)
        if index.shared:
            name = b"sharedindex." + index.shared.checksum.hex().encode()
            shared = read_file(os.path.join(checkout.git_directory, name), _MAX_INDEX)
            index = join_split(index, parse_index(shared or b"", settings.width))
    except BrokenIndexError:
        return None
    return CleanFiles(unconverted(index, settings, place), written, place)
