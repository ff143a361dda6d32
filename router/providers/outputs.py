"""Where results end up on this machine: a file that appears whole, or a stream."""

from __future__ import annotations

import contextlib
import os
import tempfile

from router.errors import OutputError

__all__ = ["FileSink", "StdoutSink"]


class FileSink:
    """Writes beside the destination and renames: the file appears whole or not at all."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._temporary = ""
        try:
            descriptor, self._temporary = tempfile.mkstemp(
                dir=os.path.dirname(path) or ".", prefix=f".{os.path.basename(path)}."
            )
        except OSError as exc:
            raise OutputError(
                f"can't write the output to {path}: {exc.strerror}",
                hint="does its directory exist, and may you write there?",
            ) from exc
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""
        try:
            while data:
                data = data[self._file.write(data) or 0 :]
        except OSError as exc:
            raise OutputError(f"can't write the output to {self._path}: {exc.strerror}") from exc

    def commit(self) -> None:
        """Make the file appear, with the mode that the umask gives new files."""
        try:
            umask = os.umask(0o022)
            os.umask(umask)
            os.fchmod(self._file.fileno(), 0o666 & ~umask)
            self._file.close()
            os.replace(self._temporary, self._path)
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


class StdoutSink:
    """Writes to this process's stdout, past Python's own buffering."""

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError as exc:
            raise OutputError(f"can't write the output to stdout: {exc.strerror}") from exc

    def commit(self) -> None:
        """Nothing is held back."""

    def abort(self) -> None:
        """Nothing can be taken back."""
