"""A directory, opened once, and what is below it, opened without following a link on the way.

A name that was looked at can be another thing a moment later: whoever may write to a build context can put a
link out of it where a directory was. So nothing below the root is opened by its whole path. Each step is
taken from the descriptor of the directory around it and refuses links: what is opened was below the root.
``openat2`` would do this in one call, but Python can't make it without ``ctypes``, which takes longer to load
than all the steps of a usual context.
"""

from __future__ import annotations

import os

__all__ = ["Root", "enter"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def enter(directory: int, name: bytes) -> int:
    """Open a directory in one that is open; who calls it closes it. Raises OSError."""
    return os.open(name, _DIRECTORY, dir_fd=directory)


class Root:
    """The directory at ``path``, whose last part may not be a link. What is below it is named from there.

    Its methods raise OSError, with the whole path as its ``filename``.
    """

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.descriptor = os.open(path, _DIRECTORY)
        self._last = b""
        self._opened = self.descriptor

    def full(self, path: bytes) -> bytes:
        """Return the whole path, to be shown."""
        return os.path.join(self.path, path) if path else self.path

    def directory(self, path: bytes) -> int:
        """Return a descriptor of a directory, the root's for none; it is good until the next call."""
        if path != self._last:
            # Files are asked for in the order of the walk: the next directory often is in the last one.
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
        """Open a file that is no link; who calls it closes it."""
        parent, _, name = path.rpartition(b"/")
        directory = self.directory(parent)
        try:
            return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        except OSError as exc:
            exc.filename = self.full(path)
            raise

    def close(self) -> None:
        """Close what is open. Closing twice is allowed."""
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
