"""The content of announced files: remember where each one is, and read those that the daemon asks for.

A file arrives whole, as it was at one moment, or the transfer fails with an error that names the file. The
moment is that of opening, not of announcing: the daemon takes all bytes that come, whatever size was
announced, and asks again in the next build because the time differs. So a growing log arrives with everything
that it held when it was opened. It is an error if a file shrank, vanished, or was written to in any other way
while a part of it was being sent. BuildKit's own clients send whatever they happen to read, and nothing for a
file that they can't open, and the build succeeds.

A file can be promised to be a certain blob. Its content is then hashed as git does while it is sent; if the
hash differs, the end of the file is never sent: the daemon would keep the content under the blob's time, and
reuse it for other builds.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections import deque
from typing import TYPE_CHECKING, NoReturn

from router.errors import TransferError, UsageError
from router.fstransfer import packets
from router.fstransfer.beneath import Root
from router.notation.quoting import quoted

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["NOTHING", "SOCKET", "Contents"]

NOTHING = -1
"""The size of an entry without content: a directory, link, pipe or device."""

SOCKET = -2
"""The size of a socket, which travels as an empty file that nobody can open."""

_Promise = tuple[int, bytes]
"""The ``ctime`` that a file must have, and the id of the blob that it must be, empty for any blob."""

# No file has this ``ctime``.
_ANY = -(1 << 63)
_NOTHING_PROMISED: _Promise = (_ANY, b"")

_LARGEST_DATA = 1 << 20
_SMALLEST_DATA = 1 << 15
# Joining costs a copy; a separate buffer costs its handling all the way down. They break even about here.
_LARGEST_JOINED = 1 << 15

# How much of each part is read again if the file has grown meanwhile. If it was only appended to, this is
# unchanged; in a database or a program that was rewritten it is not.
_SAMPLE = 4096

# Without O_NONBLOCK, a file that became a named pipe would hang the build.
_OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK

_SHA1 = 20

_CHANGED_HINT = "exclude it in .dockerignore, or build while nothing writes to it"


class _OpenFile:
    """A file that is partly sent: ``size`` is its length in bytes when it was opened."""

    __slots__ = (
        "_blob",
        "_changed",
        "_hash",
        "_modified",
        "_sample",
        "_sampled",
        "descriptor",
        "number",
        "path",
        "remaining",
        "size",
    )

    def __init__(self, root: Root, number: int, path: bytes, announced: int, promised: _Promise) -> None:
        self.number = number
        self.path = root.full(path)
        self.descriptor = root.open(path, _OPEN_FLAGS)
        status = os.fstat(self.descriptor)
        self.size = self.remaining = status.st_size
        self._modified = status.st_mtime_ns
        self._changed, self._blob = promised
        self._hash = _hash_of(self._blob, self.size) if self._blob else None
        self._sampled = array("q")
        self._sample = 0
        if not stat.S_ISREG(status.st_mode) or self.size < announced:
            os.close(self.descriptor)
            _raise_changed(self.path)

    def read(self, size: int) -> bytes:
        """Return the next bytes, at least one. Raises UsageError if the file has become shorter."""
        data = _read(self.descriptor, min(size, self.remaining), self.path)
        if not data:
            _raise_changed(self.path)
        if self._hash is not None:
            self._hash.update(data)
        elif len(data) >= _SAMPLE:
            self._sampled.append(self.size - self.remaining)
            self._sample = hash((self._sample, data[:_SAMPLE]))
        self.remaining -= len(data)
        return data

    def check(self) -> None:
        """Raise UsageError if the file was changed while it was read, or differs from the promised blob."""
        status = os.fstat(self.descriptor)
        if self._changed not in (_ANY, status.st_ctime_ns):
            _raise_changed(self.path)
        if self._hash is not None:
            if self._hash.digest() != self._blob:
                _raise_other(self.path)
            return
        if (status.st_size, status.st_mtime_ns) == (self.size, self._modified):
            return
        sample = 0
        for offset in self._sampled:
            sample = hash((sample, os.pread(self.descriptor, _SAMPLE, offset)))
        if status.st_size <= self.size or sample != self._sample:
            _raise_changed(self.path)


class Contents:
    """All entries of one transfer by their number, and the pending requests for them.

    Methods raise OSError with the file's name, UsageError for a file that changed, and TransferError for an
    impossible request.
    """

    def __init__(self, root: Root) -> None:
        self.files_sent = 0
        self._root = root
        self._paths: list[bytes] = []
        self._sizes = array("q")
        self._promises: list[_Promise] = []
        self._requests: deque[int] = deque()
        self._open: _OpenFile | None = None
        self._small: list[bytes] = []
        self._sent = 0

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def idle(self) -> bool:
        """Whether every request has been served."""
        return not self._requests and self._open is None

    @property
    def size(self) -> int:
        """The size in bytes of all files that haven't been sent."""
        return sum(size for size in self._sizes if size > 0)

    def announce(self, path: bytes, size: int) -> None:
        """Remember the next entry, by its path below the root; ``size`` may be NOTHING or SOCKET."""
        self._paths.append(path if size >= 0 else b"")
        self._sizes.append(size)

    def promise(self, changed: int, blob: bytes) -> None:
        """Promise that the entry that was just announced will still have the ``ctime`` ``changed`` (in
        nanoseconds) when it is sent, and that it is ``blob``; an empty one promises nothing. Call it for
        every entry, or for none."""
        self._promises.append((changed, blob) if blob else _NOTHING_PROMISED)

    def read(self, path: bytes, status: os.stat_result) -> bytes | None:
        """Read a whole small file; None if its size or its ``ctime`` has changed."""
        try:
            return _read_whole(self._root, path, status.st_size, status.st_ctime_ns)
        except (OSError, UsageError):
            return None  # if the daemon asks for it, that read reports the error

    def request(self, number: int) -> None:
        """Note that the daemon asked for an entry's content, which it may do once."""
        if number >= len(self._sizes) or self._sizes[number] == NOTHING:
            raise TransferError(f"the daemon asked for entry {number}, which has no content left to send")
        self._requests.append(number)

    def pull(self, out: list[bytes | memoryview], size: int) -> int:
        """Append about ``size`` bytes of messages to ``out`` and return how many bytes were appended."""
        self._sent = 0
        requests = self._requests
        while self._sent < size:
            room = min(max(size - self._sent, _SMALLEST_DATA), _LARGEST_DATA)
            if self._open is not None:
                self._send_part(out, self._open, room)
            elif requests:
                self._send_next(requests.popleft(), room)
            else:
                break
        self._flush(out)
        return self._sent

    def close(self) -> None:
        """Close the file that is being sent. Closing twice is allowed."""
        if self._open is not None:
            os.close(self._open.descriptor)
            self._open = None

    def _send_next(self, number: int, room: int) -> None:
        path, size = self._paths[number], self._sizes[number]
        promised = self._promises[number] if self._promises else _NOTHING_PROMISED
        self._paths[number], self._sizes[number] = b"", NOTHING
        data = b""
        if size >= 0:
            small = size <= min(room, _LARGEST_JOINED)
            whole = _read_whole(self._root, path, size, promised[0]) if small else None
            if whole is None:
                self._open = _OpenFile(self._root, number, path, size, promised)
                return
            _check_blob(promised[1], whole, self._root.full(path))
            data = whole
        self._add(packets.whole_file(number, data) if data else packets.data_end(number))
        self.files_sent += 1

    def _send_part(self, out: list[bytes | memoryview], file: _OpenFile, room: int) -> None:
        if file.remaining:
            data = file.read(room)
            self._add(packets.data_head(file.number, len(data)))
            self._flush(out)
            out.append(data)
            self._sent += len(data)
        if not file.remaining:
            file.check()
            self.close()
            self._add(packets.data_end(file.number))
            self.files_sent += 1

    def _add(self, message: bytes) -> None:
        self._small.append(message)
        self._sent += len(message)

    def _flush(self, out: list[bytes | memoryview]) -> None:
        if self._small:
            out.append(b"".join(self._small))
            self._small.clear()


def _read_whole(root: Root, path: bytes, size: int, changed: int) -> bytes | None:
    """Read a file in one go; None if its size is no longer ``size``.

    Raises UsageError if its ``ctime`` isn't ``changed``. A regular file gives less than was asked for only
    at its end.
    """
    descriptor = root.open(path, _OPEN_FLAGS)
    try:
        data = os.read(descriptor, size + 1)
        while len(data) < size and (rest := os.read(descriptor, size + 1 - len(data))):
            data += rest  # some network and user-space file systems read less than they could
        if changed != _ANY and os.fstat(descriptor).st_ctime_ns != changed:
            _raise_changed(root.full(path))
    except OSError as exc:
        exc.filename = root.full(path)
        raise
    finally:
        os.close(descriptor)
    return data if len(data) == size else None


def _read(descriptor: int, size: int, path: bytes) -> bytes:
    """Read into fresh memory: parts that were read before may still wait to be sent."""
    try:
        return os.read(descriptor, size)
    except OSError as exc:
        exc.filename = path
        raise


def _hash_of(blob: bytes, size: int) -> _Hash:
    """Return the hash of git's header for a blob of ``size`` bytes, of the same kind as the id ``blob``."""
    from hashlib import sha1, sha256  # loads OpenSSL, 3 ms: few transfers need it

    kind = sha1 if len(blob) == _SHA1 else sha256
    return kind(b"blob %d\0" % size, usedforsecurity=False)


def _check_blob(blob: bytes, data: bytes, path: bytes) -> None:
    if blob:
        found = _hash_of(blob, len(data))
        found.update(data)
        if found.digest() != blob:
            _raise_other(path)


def _raise_other(path: bytes) -> NoReturn:
    raise UsageError(
        f"can't send {quoted(os.fsdecode(path))}: its times are unchanged, but its content is not",
        hint="run touch on it and build again",
        reason="context",
    )


def _raise_changed(path: bytes) -> NoReturn:
    raise UsageError(
        f"can't send {quoted(os.fsdecode(path))}: it was written to while it was being sent",
        hint=_CHANGED_HINT,
        reason="context",
    )
