"""What is wrong with a path that is to be read: nothing is there, or it can't be looked at.

``os.path.exists`` and its like answer no to both, and a user who is told that a file is missing looks for it.
"""

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISREG

from router.descriptors import limit_hint
from router.errors import os_reason
from router.model.frozen import frozen

__all__ = ["Fault", "directory_fault", "file_fault", "is_missing"]


@frozen
class Fault:
    """``text`` follows the path in an error: ``is not a file``. ``hint``: None where another path may do."""

    text: str
    hint: str | None = None


def directory_fault(path: str) -> Fault | None:
    """Return what is wrong, None for a directory."""
    try:
        return None if S_ISDIR(os.stat(path).st_mode) else Fault(text="is not a directory")
    except (OSError, ValueError) as exc:
        return _described(exc, path)


def file_fault(path: str) -> Fault | None:
    """Return what is wrong, None for a file that can be read."""
    try:
        # First of all: to open a pipe is to take part in it.
        if not S_ISREG(os.stat(path).st_mode):
            return Fault(text="is not a file")
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except (OSError, ValueError) as exc:
        return _described(exc, path)
    return None


def is_missing(path: str) -> bool:
    """Say whether it is known that nothing is there; what can't be looked at may be."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return False


def _described(error: OSError | ValueError, path: str) -> Fault:
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return Fault(text="does not exist")
    return Fault(
        text=f"can't be read: {os_reason(error)}",
        hint=limit_hint(error) or f"namei -l {path} shows the rights on the way",
    )
