"""What the user pipes in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import BinaryIO

from router import UsageError, same_source

__all__ = ["open_stdin", "read_stdin", "refuse_second_use"]


def open_stdin(what: str, option: str) -> BinaryIO:
    """Return stdin. Raises ``UsageError`` where it is closed, or a terminal at which nobody types."""
    if sys.stdin is None or os.isatty(sys.stdin.fileno()):
        state = "is closed" if sys.stdin is None else "is a terminal"
        raise UsageError(
            f"{what} should come from stdin ({option}), but stdin {state}",
            hint=f"redirect it: warmroute build {option} ... < FILE",
        )
    return sys.stdin.buffer


def read_stdin(what: str, option: str) -> bytes:
    """Return all of stdin. Raises as ``open_stdin`` does."""
    return open_stdin(what, option).read()


def refuse_second_use(what: str, paths: Iterable[str]) -> None:
    """Raise ``UsageError`` where one of the paths is stdin as well: what ``what`` has taken is gone."""
    for path in paths:
        if same_source(path, 0):
            raise UsageError(
                f"{what} and {path} can't both come from stdin",
                hint="give one of them by another way: a file, or <(command)",
            )
