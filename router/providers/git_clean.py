"""Which files of a git checkout are known to be what their blobs are, without reading them.

The rule is git's own, made stricter. git believes that a file is unchanged while ``lstat`` says of it what
the index has. Here all that git wrote down must match, with the change time, which no program can set; and
both times must lie before the index was written, because a file that changed later in the same tick of the
clock would show the same ("racily clean": git reads such a file). What is not proven is for the caller to
read. Files that git converts on their way from the blob are left to ``git_conversion``.

What is trusted: the index, as far as it speaks of files that have this machine's inodes and change times. A
checkout that came as an archive can't know these. Whoever can run programs in the checkout can write an
index that lies, and so have a file described as another blob; he could also talk to the daemon himself. Not
noticed here, as by git: a file that somebody wrote twice within a tick while git looked at it in between, or
through a mapping whose page the kernel hasn't written yet; and one that a filter made, at equal size, for
attributes that the checkout has no more. Such a file is noticed when it is sent (``fstransfer.content``), so
that no daemon keeps it as the blob that it isn't.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha1, sha256
from struct import Struct

from router.providers.git_checkout import Place, checkout_at, find_checkout, read_file, read_with_status
from router.providers.git_conversion import read_settings, unconverted
from router.providers.git_index import SHA1, STAT, BrokenIndexError, Index, join_split, parse_index

__all__ = ["CleanFiles", "clean_files"]

_MAX_INDEX = 1 << 28
_SECOND = 1_000_000_000
_CUT = 0xFFFFFFFF  # what git keeps of numbers that may be larger


class CleanFiles:
    """What the index of the checkout around a directory proves about the files below it."""

    def __init__(self, index: Index, written: os.stat_result, place: Place) -> None:
        self._data = index.data
        self._lstat = Struct(">10I").unpack_from
        self._find = index.files.get
        self._end = STAT + index.width
        self._written = min(written.st_mtime_ns, written.st_ctime_ns)
        # Other file systems may have other clocks, so that times can't be compared.
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
        changed, modified = status.st_ctime_ns, status.st_mtime_ns
        c_time, c_rest, m_time, m_rest, device, inode, mode, owner, group, size = self._lstat(self._data, at)
        if (
            changed != c_time * _SECOND + c_rest
            or modified != m_time * _SECOND + m_rest
            or not changed < self._written > modified
            or size != status.st_size
            or inode != status.st_ino & _CUT
            or owner != status.st_uid
            or group != status.st_gid
            or device != self._device & _CUT
            or status.st_dev != self._device
            # Of the permissions git keeps only whether the owner may run it.
            or (mode ^ status.st_mode) & 0o170100
        ):
            return None
        blob = self._data[at + STAT : at + self._end]
        # Each of these is rare.
        if not (inode and size and c_rest and m_rest) and self._is_doubtful(blob, status):
            return None
        return blob

    def _is_doubtful(self, blob: bytes, status: os.stat_result) -> bool:
        # Some file systems know no inodes. git marks an entry as changed by the size 0.
        if status.st_ino == 0 or (status.st_size == 0 and blob != self._empty):
            return True
        # No nanoseconds: the file system may keep whole seconds, or every other one (FAT).
        coarse = [time for time in (status.st_ctime_ns, status.st_mtime_ns) if time % _SECOND == 0]
        return max(coarse, default=0) + 2 * _SECOND > self._written

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
