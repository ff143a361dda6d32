"""What is wrong with a path that is to be read: nothing is there, or it can't be looked at.

``os.path.exists`` and its like answer no to both, and a user who is told that a file is missing looks for it.
"""

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISREG

__all__ = ["directory_fault", "fault_hint", "file_fault", "is_missing"]

_UNREADABLE = "can't be read: "


def directory_fault(path: str) -> str:
    """Return what follows the path in an error, empty for a directory: ``does not exist``."""
    try:
        return "" if S_ISDIR(os.stat(path).st_mode) else "is not a directory"
    except (OSError, ValueError) as exc:
        return _described(exc)


def file_fault(path: str) -> str:
    """Return what follows the path in an error, empty for a file that can be read: ``is not a file``."""
    try:
        # First of all: to open a pipe is to take part in it.
        if not S_ISREG(os.stat(path).st_mode):
            return "is not a file"
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except (OSError, ValueError) as exc:
        return _described(exc)
    return ""


def fault_hint(fault: str, path: str, otherwise: str) -> str:
    """Return what to do about a fault: what can't be read is to be made readable."""
    return f"namei -l {path} shows the rights on the way" if fault.startswith(_UNREADABLE) else otherwise


def is_missing(path: str) -> bool:
    """Say whether it is known that nothing is there; what can't be looked at may be."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return False


def _described(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return "does not exist"
    return f"{_UNREADABLE}{(error.strerror or str(error)).lower()}"
