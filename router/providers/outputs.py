"""A result that is streamed on as it comes; files are ``router.files``'s."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from router.errors import BusyError, ConnectionLostError, OutputError, OverloadError, os_reason
from router.files import FileSink

__all__ = ["StdoutSink", "Streams", "streams"]


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
            raise OutputError(f"can't write the output to stdout: {os_reason(exc)}") from exc

    def commit(self) -> None:
        """Nothing is held back."""

    def abort(self) -> None:
        """Nothing can be taken back."""


class Streams:
    """Where one attempt of a build writes files to, ``-`` for stdout."""

    def __init__(self) -> None:
        self._opened: dict[str, StdoutSink | FileSink] = {}

    def open(self, dest: str) -> StdoutSink | FileSink:
        """Return what takes a file. Raises ``OutputError``."""
        self._opened[dest] = sink = StdoutSink() if dest == "-" else FileSink(dest, makes_directory=True)
        return sink

    @property
    def begun(self) -> str:
        """What has a part of a result that can't be taken back: a pipe, stdout. Empty where nothing has."""
        return next((dest for dest, sink in self._opened.items() if sink.begun), "")


@contextmanager
def streams() -> Iterator[Streams]:
    """Yield where files go; a lost build whose output has begun is not to be tried on the next daemon.

    That would write it from its beginning, behind what is written already: it raises ``OutputError``.
    """
    opened = Streams()
    try:
        yield opened
    except (ConnectionLostError, OverloadError, BusyError) as exc:
        if not opened.begun:
            raise
        where = "stdout" if opened.begun == "-" else opened.begun
        raise OutputError(f"{exc}; part of it is on {where} already", hint="build again") from exc
