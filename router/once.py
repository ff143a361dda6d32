"""Files that can be read only once: pipes, descriptors of this process, devices.

``<(command)``, ``/dev/stdin`` and named pipes give their content to whoever reads first. A build reads its
inputs several times: when it checks them, and again for each daemon that is tried. So what is no regular file
is read once, kept in memory, and handed out from there; a program that is started gets it through a
descriptor that it inherits. Nothing of it is ever written to a disk. Regular files are read anew each time.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterable

from router.cancellation import Cancellation
from router.closing import Closing

__all__ = [
    "MOST",
    "LentFiles",
    "OneTimeFiles",
    "is_one_time",
    "own_descriptor",
    "require_open",
    "same_source",
]

MOST = 16 * 1024 * 1024
"""Bytes that are read at most: as many as the largest of such inputs may have, a Dockerfile."""

_CHUNK = 1 << 16
# Seconds until it is said what is waited for: a command in <(...) has begun to write by then.
_SAY_AFTER = 1.0

# What Python found closed when it started. Another file may have the number by now, which nobody named.
_CLOSED = frozenset(
    number for number, stream in enumerate((sys.__stdin__, sys.__stdout__, sys.__stderr__)) if stream is None
)
_OWN = frozenset({"/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"})
_STREAMS = ("stdin", "stdout", "stderr")
_PATHS = {f"/dev/{name}": number for number, name in enumerate(_STREAMS)}
_FOREIGN_MEANING = ("/dev/", "/proc/")


class OneTimeFiles:
    """What was read of files that can be read once. May be used by several threads.

    One source has one content, by whatever name it is asked for: two secrets from ``/dev/stdin`` are equal.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, int], bytes] = {}

    def take(
        self, paths: Iterable[str], cancellation: Cancellation | None, tell: Callable[[str], None]
    ) -> None:
        """Read now what ``read`` is to return later, while it can be interrupted.

        ``tell`` hears what is waited for. What can't be read is left for ``read`` to refuse. Raises
        ``CancelledError``.
        """
        for path in filter(is_one_time, paths):
            try:
                self._once(path, _Wait(path, cancellation, tell))
            except OSError:
                continue

    def read(self, path: str, most: int = MOST, *, within: float | None = None) -> bytes:
        """Return a file's content; of a larger one than ``most`` bytes (at most 16 MiB) those and one more.

        Raises OSError, also for a pipe that has not ended ``within`` seconds.
        """
        if is_one_time(path):
            return self._once(path, _Wait(path, within=within))[: most + 1]
        with open(path, "rb") as file:
            return file.read(most + 1)

    def _once(self, path: str, wait: _Wait) -> bytes:
        require_open(path)
        while not self._lock.acquire(timeout=0.1):  # somebody waits for a pipe
            wait.check()
        try:
            found = os.stat(path)
            source = (found.st_dev, found.st_ino)
            # Not opened again: whoever writes to a named pipe would take that for another reader.
            if source not in self._kept:
                self._kept[source] = _content(path, wait)
            return self._kept[source]
        finally:
            self._lock.release()


class LentFiles(Closing):
    """Lends a program files that only this process can read, or that can be read once.

    A context manager; ``descriptors`` are for the program to inherit, and are closed with it.
    """

    def __init__(self, files: OneTimeFiles) -> None:
        self._files = files
        self._lent: list[int] = []

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the program must inherit for the paths to mean something to it."""
        return tuple(self._lent)

    def path(self, path: str) -> str:
        """Return a path by which the program can read a file, as often as it likes. Raises OSError.

        Most files keep theirs, and so do sockets and directories.
        """
        if not (is_one_time(path) or _means_something_else_to_others(path)):
            return path
        descriptor = os.memfd_create("warmroute", os.MFD_CLOEXEC)
        self._lent.append(descriptor)
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(self._files.read(path))
        return f"/proc/self/fd/{descriptor}"

    def close(self) -> None:
        """Take back what was lent."""
        while self._lent:
            os.close(self._lent.pop())


def is_one_time(path: str) -> bool:
    """Say whether a path names what can be read but is no regular file: a pipe, a device, piped input.

    So is a standard stream that is closed: reading it says so.
    """
    if own_descriptor(path) in _CLOSED:
        return True
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    if stat.S_ISSOCK(mode):  # a socket has a name of its own, or is a descriptor that is read like a pipe
        return own_descriptor(path) is not None
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def own_descriptor(path: str) -> int | None:
    """Return the number of the descriptor of this process that a path names, None for any other path."""
    number = _PATHS.get(path)
    if number is not None:
        return number
    folder, _, name = path.rpartition("/")
    return int(name) if folder in _OWN and name.isascii() and name.isdigit() else None


def require_open(path: str) -> None:
    """Raise OSError (EBADF) where a path names a standard stream that was closed when we were started."""
    own = own_descriptor(path)
    if own is not None and own in _CLOSED:
        raise OSError(errno.EBADF, f"{_STREAMS[own]} is closed")


def same_source(path: str, descriptor: int) -> bool:
    """Say whether what is read from a descriptor is gone for whoever reads the path afterwards."""
    try:
        return is_one_time(path) and os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


class _Wait:
    """Waits until a descriptor has something to read, until ``within`` seconds are over altogether."""

    def __init__(
        self,
        path: str,
        cancellation: Cancellation | None = None,
        tell: Callable[[str], None] | None = None,
        *,
        within: float | None = None,
    ) -> None:
        self._path = path
        self._cancellation = cancellation
        self._tell = tell
        self._within = within
        self._began = time.monotonic()

    def check(self) -> None:
        """Raise ``CancelledError`` where the wait is to end."""
        if self._cancellation is not None:
            self._cancellation.check()

    def until_readable(self, descriptor: int) -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        self.check()
        if self._cancellation is not None:
            poll.register(self._cancellation.fileno(), select.POLLIN)
        if self._tell is not None and not poll.poll(_SAY_AFTER * 1000):
            self._tell(f"waiting for data from {self._path}")
            self._tell = None
        if self._within is None:
            poll.poll()
        elif not poll.poll(max(self._began + self._within - time.monotonic(), 0.0) * 1000):
            raise OSError(
                errno.ETIMEDOUT,
                f"it is a pipe, and nobody has finished writing to it after {self._within:g} s",
            )
        self.check()


def _open(path: str) -> int:
    try:
        # O_NONBLOCK: opening a named pipe would wait for a writer, deaf to everything.
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as exc:
        own = own_descriptor(path)
        # Linux opens a socket by no path, and a pipe of another user's by none either.
        if own is None or exc.errno not in {errno.ENXIO, errno.EACCES}:
            raise
        return os.dup(own)


def _content(path: str, wait: _Wait) -> bytes:
    content = bytearray()
    descriptor = _open(path)
    try:
        while len(content) <= MOST:
            # Before a writer has come there is nothing to read, which a read would take for the end.
            wait.until_readable(descriptor)
            try:
                data = os.read(descriptor, _CHUNK)
            except BlockingIOError:
                continue  # another process of the pipe was faster
            if not data:
                break
            content += data
    finally:
        os.close(descriptor)
    return bytes(content)


def _means_something_else_to_others(path: str) -> bool:
    """Say whether a regular file is named by way of this process, as ``/dev/stdin`` does."""
    if not os.path.isfile(path):
        return False
    for _ in range(40):  # as many links as Linux follows
        absolute = os.path.abspath(path)
        if absolute.startswith(_FOREIGN_MEANING):
            return True
        if not os.path.islink(absolute):
            return False
        path = os.path.join(os.path.dirname(absolute), os.readlink(absolute))
    return False
