"""A directory, opened once, and the files below it, opened without following a link on the way.

A name can become another thing a moment after it was looked at: anyone with write access to a build context
can replace a directory by a link that leads out. So nothing below the root is opened by its whole path. Each
step starts from the descriptor of the parent directory and refuses links: whatever was opened was below the
root. ``openat2`` would do this in one call, but Python can't make it without ``ctypes``, which takes longer
to load than all the steps of a usual context.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from errno import ESTALE
from itertools import chain, islice

__all__ = ["Descent", "Root", "enter"]

# A process often may have only 1024 files open, and a tree can be deeper.
_MOST_OPEN = 16

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def enter(directory: int, name: bytes) -> int:
    """Open a directory inside an open one; the caller closes it. Raises OSError."""
    return os.open(name, _DIRECTORY, dir_fd=directory)


class Root:
    """The directory at ``path``, whose last part may not be a link. Paths below it are relative to it.

    Its methods raise OSError, with the whole path as its ``filename``.
    """

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.descriptor = os.open(path, _DIRECTORY)
        self._last = b""
        self._opened = self.descriptor

    def full(self, path: bytes) -> bytes:
        """Return the whole path, for display."""
        return os.path.join(self.path, path) if path else self.path

    def directory(self, path: bytes) -> int:
        """Return a descriptor of a directory, the root's for an empty path; it is valid until the next
        call."""
        if path != self._last:
            # Requests come in the order of the walk: the next directory is often inside the last one.
            within = self._last and path.startswith(self._last + b"/")
            rest = path[len(self._last) + 1 :] if within else path
            if not within:
                self._leave()
            try:
                for name in rest.split(b"/") if rest else ():
                    self._step(name)
            except OSError as exc:
                self._leave()
                exc.filename = self.full(path)
                raise
            self._last = path
        return self._opened

    def open(self, path: bytes, flags: int) -> int:
        """Open a file that isn't a link; the caller closes it."""
        parent, _, name = path.rpartition(b"/")
        directory = self.directory(parent)
        try:
            return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        except OSError as exc:
            exc.filename = self.full(path)
            raise

    def close(self) -> None:
        """Close all descriptors. Closing twice is allowed."""
        self._leave()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = self._opened = -1

    def _step(self, name: bytes) -> None:
        before, self._opened = self._opened, enter(self._opened, name)
        if before != self.descriptor:
            os.close(before)

    def _leave(self) -> None:
        if self._opened != self.descriptor:
            os.close(self._opened)
        self._last, self._opened = b"", self.descriptor


class Descent:
    """The directories from an open one, ``top``, down to ``here``, each entered without following a link.

    A tree can be deeper than the number of files that a process may have open, so only the innermost
    directories stay open. A closed one is opened again on the way back, from the top on, and must be the same
    one. Methods raise OSError, with ESTALE if another directory has taken its place. ``path`` is the top's,
    for errors.
    """

    def __init__(self, top: int, path: bytes) -> None:
        self.here = top
        self._top = top
        self._path = path
        self._names: list[bytes] = []
        # One entry per name: first the identities (device and inode) of the closed ones, then the open ones.
        self._closed: list[tuple[int, int]] = []
        self._open: list[int] = []

    def enter(self, name: bytes) -> None:
        """Descend into a directory of ``here``."""
        self.here = enter(self.here, name)
        self._names.append(name)
        self._open.append(self.here)
        if len(self._open) > _MOST_OPEN:
            self._closed.append(_identity(self._open[0]))
            os.close(self._open.pop(0))

    def leave(self) -> None:
        """Return to the parent of ``here``."""
        self._names.pop()
        os.close(self._open.pop())
        if self._closed and not self._open:
            self._reopen()
        self.here = self._open[-1] if self._open else self._top

    def innermost(self, count: int) -> Iterator[int]:
        """Yield ``here`` and its parents, the outermost first, each open until the next is asked for."""
        outer = len(self._names) + 1 - count
        if outer > len(self._closed):
            return iter(self._open[-count:])
        return islice(chain((self._top,), self._again(), self._open), outer, None)

    def close(self) -> None:
        """Close all but the top. Closing twice is allowed."""
        for descriptor in self._open:
            os.close(descriptor)
        self._open.clear()

    def _reopen(self) -> None:
        """Open the innermost again: as many as may be open, so that most steps back cost nothing."""
        first = max(len(self._closed) - _MOST_OPEN, 0)
        for descriptor in islice(self._again(), first, None):
            self._open.append(os.dup(descriptor))
        del self._closed[first:]

    def _again(self) -> Generator[int]:
        """Open the closed ones, one after the other, each until the next is asked for."""
        around = self._top
        try:
            for level, before in enumerate(self._closed):
                inner = enter(around, self._names[level])
                if around != self._top:
                    os.close(around)
                around = inner
                _check(around, before)
                yield around
        except OSError as exc:
            exc.filename = os.path.join(self._path, *self._names[: level + 1])
            raise
        finally:
            if around != self._top:
                os.close(around)


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _check(descriptor: int, before: tuple[int, int]) -> None:
    if _identity(descriptor) != before:
        raise OSError(ESTALE, os.strerror(ESTALE))
