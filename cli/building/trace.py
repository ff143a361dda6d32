"""``--trace``: every status that the daemon sends, kept in a file as JSON lines."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

from cli.render.rawjson import encode_status
from router import Event, OutputError, SolveStatus, UsageError, os_reason

__all__ = ["TraceFile"]


class TraceFile:
    """Appends to a file, which only its owner can read: logs may say more than they should.

    Raises ``UsageError`` where it can't be opened, ``OutputError`` where it can't be written.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._file = open(path, "a", encoding="utf-8", opener=_private)  # noqa: SIM115 -- closed by __exit__
        except OSError as exc:
            raise UsageError(
                f"can't write --trace {path}: {os_reason(exc)}",
                hint="name a file in a directory that is there",
            ) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def event(self, event: Event) -> None:
        """Write what the daemon sent; notices are our own."""
        if not isinstance(event, SolveStatus):
            return
        try:
            self._file.write(encode_status(event) + "\n")
            self._file.flush()
        except OSError as exc:
            raise OutputError(f"can't write --trace {self._path}: {os_reason(exc)}") from exc


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
