"""A result that is streamed on as it comes; files are ``router.files``'s."""

from __future__ import annotations

import os

from router.errors import OutputError

__all__ = ["StdoutSink"]


class StdoutSink:
    """Writes to this process's stdout, past Python's own buffering. ``begun``: something was written."""

    waits = True  # for whoever reads the pipe

    def __init__(self) -> None:
        self.begun = False

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""
        self.begun = True
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError as exc:
            raise OutputError(f"can't write the output to stdout: {exc.strerror}") from exc

    def commit(self) -> None:
        """Nothing is held back."""

    def abort(self) -> None:
        """Nothing can be taken back."""
