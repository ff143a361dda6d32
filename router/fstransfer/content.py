"""The content of announced files: remember where each one is, read those that the daemon asks for.

A file is sent with exactly the size it was announced with. One that vanished, grew or shrank since, was
written to while a large part of it was under way, or can't be read, is an error that names it; the daemon
must never keep half of a file.
"""

from __future__ import annotations

import os
from array import array
from collections import deque
from dataclasses import dataclass
from typing import NoReturn

from router.errors import TransferError, UsageError
from router.fstransfer import packets

__all__ = ["NOTHING", "SOCKET", "Contents"]

NOTHING = -1
"""The size of what has no content: directories, links, pipes, devices."""

SOCKET = -2
"""The size of a socket, which travels as an empty file that nobody can open."""

_LARGEST_DATA = 1 << 20
_SMALLEST_DATA = 1 << 15
# Joining costs a copy, a buffer of its own costs its handling all the way down; they break even about here.
_LARGEST_JOINED = 1 << 15

# Without O_NONBLOCK, a file that became a named pipe would hang the build.
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

_CHANGED_HINT = "exclude it in .dockerignore, or build when nothing writes to it"


@dataclass(slots=True)
class _OpenFile:
    """A file of which a part has been sent."""

    number: int
    path: bytes
    descriptor: int
    size: int
    remaining: int
    modified: int


class Contents:
    """All entries of one transfer by their number, and the requests for them that still wait.

    Methods raise OSError with the file's name, UsageError for a file that changed, and TransferError for a
    request that makes no sense.
    """

    def __init__(self) -> None:
        self.files_sent = 0
        self._paths: list[bytes] = []
        self._sizes = array("q")
        self._requests: deque[int] = deque()
        self._open: _OpenFile | None = None
        self._small: list[bytes] = []
        self._sent = 0

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def idle(self) -> bool:
        """Whether everything that was asked for has been sent."""
        return not self._requests and self._open is None

    def announce(self, path: bytes, size: int) -> None:
        """Remember the next entry; ``path`` is what to open, ``size`` may be NOTHING or SOCKET."""
        self._paths.append(path if size >= 0 else b"")
        self._sizes.append(size)

    def request(self, number: int) -> None:
        """Note that the daemon wants the content of an entry, which it may want once."""
        if number >= len(self._sizes) or self._sizes[number] == NOTHING:
            raise TransferError(f"the daemon asked for the content of entry {number}, which it can't have")
        self._requests.append(number)

    def pull(self, out: list[bytes | memoryview], size: int) -> int:
        """Append about ``size`` bytes of messages to ``out`` and return how many these are."""
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
        self._paths[number], self._sizes[number] = b"", NOTHING
        if size > min(room, _LARGEST_JOINED):
            self._open = _open(number, path, size)
            return
        data = b"" if size == SOCKET else _read_whole(path, size)
        message = packets.whole_file(number, data) if data else packets.data_end(number)
        self._small.append(message)
        self._sent += len(message)
        self.files_sent += 1

    def _send_part(self, out: list[bytes | memoryview], file: _OpenFile, room: int) -> None:
        data = _read(file.descriptor, min(room, file.remaining), file.path)
        file.remaining -= len(data)
        if not data:
            _raise_changed(file.path, file.size)
        head = packets.data_head(file.number, len(data))
        self._small.append(head)
        self._flush(out)
        out.append(data)
        self._sent += len(head) + len(data)
        if file.remaining == 0:
            self._end(file)

    def _end(self, file: _OpenFile) -> None:
        status = os.fstat(file.descriptor)
        if (status.st_size, status.st_mtime_ns) != (file.size, file.modified):
            _raise_changed(file.path, file.size)
        self.close()
        end = packets.data_end(file.number)
        self._small.append(end)
        self._sent += len(end)
        self.files_sent += 1

    def _flush(self, out: list[bytes | memoryview]) -> None:
        if self._small:
            out.append(b"".join(self._small))
            self._small.clear()


def _open(number: int, path: bytes, size: int) -> _OpenFile:
    descriptor = os.open(path, _OPEN_FLAGS)
    status = os.fstat(descriptor)
    if status.st_size != size:
        os.close(descriptor)
        _raise_changed(path, size)
    return _OpenFile(number, path, descriptor, size, size, status.st_mtime_ns)


def _read_whole(path: bytes, size: int) -> bytes:
    """Read a file in one go; a regular file gives less than is asked for only at its end."""
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        data = _read(descriptor, size + 1, path)
        while len(data) < size and (rest := _read(descriptor, size + 1 - len(data), path)):
            data += rest  # some network and user-space file systems read less than they could
    finally:
        os.close(descriptor)
    if len(data) != size:
        _raise_changed(path, size)
    return data


def _read(descriptor: int, size: int, path: bytes) -> bytes:
    """Read into fresh memory: parts of what was read before may still wait to be sent."""
    try:
        return os.read(descriptor, size)
    except OSError as exc:
        exc.filename = path
        raise


def _raise_changed(path: bytes, size: int) -> NoReturn:
    raise UsageError(
        f"can't send {os.fsdecode(path)!r}: it was written to while it was being sent (it had {size} bytes)",
        hint=_CHANGED_HINT,
        reason="context",
    )
