"""Files on this machine that appear whole or not at all, and what is known of them before."""

from __future__ import annotations

import contextlib
import os

from router.errors import OutputError, UsageError
from router.once import own_descriptor

__all__ = ["FileSink", "check_directory", "check_file", "check_mirror"]


def check_file(path: str, what: str) -> None:
    """Raise ``UsageError`` if it can be seen now that the file can't be written; ``what`` names it."""
    directory = os.path.dirname(path) or "."
    if os.path.isdir(path) or not os.path.basename(path):
        raise UsageError(f"{what} {path!r} names a directory", hint="name the file to write")
    if not os.path.isdir(directory):
        raise UsageError(f"{what} {path}: there is no directory {directory}", hint=f"mkdir -p {directory}")
    if not os.access(directory, os.W_OK | os.X_OK) and not _is_special(path):
        raise UsageError(
            f"{what} {path}: the directory {directory} can't be written to", hint=f"ls -ld {directory}"
        )


def check_directory(path: str, what: str) -> None:
    """Raise ``UsageError`` if it can be seen now that no tree can be written there; it need not exist yet."""
    parent = os.path.abspath(path)
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
        raise UsageError(f"{what} {path}: {parent} is not a directory", hint="name a directory")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UsageError(f"{what} {path}: {parent} can't be written to", hint=f"ls -ld {parent}")


def check_mirror(path: str, what: str) -> None:
    """Raise ``UsageError`` for a directory that isn't below the working directory: it would be emptied."""
    here, there = os.path.realpath("."), os.path.realpath(path)
    if not there.startswith(os.path.join(here, "")) or there == here:
        raise UsageError(
            f"{what} {path}: mode=delete removes everything else there, and it is not below {here}",
            hint="if that is what you want, say --allow buildx.local.delete",
        )


class FileSink:
    """Writes beside the destination and renames: the file appears whole or not at all.

    What is there and is no regular file (``/dev/null``, a pipe) is written to and stays, and so is an open
    descriptor of this process, whatever it leads to. ``begun``: something was written that can't be taken
    back.
    """

    def __init__(self, path: str) -> None:
        self.begun = False
        self._path = path
        self._temporary = ""
        # A link stays a link: what it names is replaced.
        self._final = os.path.realpath(path)
        import tempfile  # a build that writes nothing need not load it

        try:
            if (own := own_descriptor(path)) is not None:
                # To replace /dev/stdout would take the file from everybody else who writes to it.
                self._file = os.fdopen(os.dup(own), "wb", buffering=0)
                return
            if _is_special(path):
                self._file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed by commit and abort
                return
            descriptor, self._temporary = tempfile.mkstemp(
                dir=os.path.dirname(self._final), prefix=f".{os.path.basename(path)}."
            )
        except OSError as exc:
            raise OutputError(
                f"can't write the output to {path}: {exc.strerror}",
                hint="does its directory exist, and may you write there?",
            ) from exc
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    @property
    def waits(self) -> bool:
        """Whether ``write`` may wait for somebody who reads: what is no regular file may be a pipe."""
        return not self._temporary

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""
        self.begun = self.waits
        try:
            while data:
                data = data[self._file.write(data) or 0 :]
        except OSError as exc:
            raise OutputError(f"can't write the output to {self._path}: {exc.strerror}") from exc

    def commit(self) -> None:
        """Make the file appear, with the mode that the umask gives new files."""
        try:
            if self._temporary:
                umask = os.umask(0o022)
                os.umask(umask)
                os.fchmod(self._file.fileno(), 0o666 & ~umask)
            self._file.close()
            if self._temporary:
                os.replace(self._temporary, self._final)
        except OSError as exc:
            raise OutputError(f"can't write the output to {self._path}: {exc.strerror}") from exc
        self._temporary = ""

    def abort(self) -> None:
        """Remove what is half-written."""
        self._file.close()
        if self._temporary:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = ""


def _is_special(path: str) -> bool:
    """Say whether something is there that is neither a regular file nor a directory."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
