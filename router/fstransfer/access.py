"""Directories that their owner can't open. A build can create some, with modes such as 0311 or 000.

No function here follows a link.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from router.fstransfer.beneath import Descent

__all__ = ["make_accessible", "remove_tree"]


def make_accessible(name: bytes, around: int) -> None:
    """Give the owner of a directory all rights to it. Raises OSError, also if the name isn't a directory."""
    if not hasattr(os, "O_PATH"):
        os.chmod(name, 0o700, dir_fd=around, follow_symlinks=False)
        return
    # This descriptor needs no right to the directory itself, and pins it: the name can't be swapped any more.
    descriptor = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=around)
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        os.chmod(f"/proc/self/fd/{descriptor}", mode | 0o700)
    finally:
        os.close(descriptor)


def remove_tree(name: bytes, around: int) -> None:
    """Remove a directory and everything in it, however deep. Raises OSError."""
    # Not shutil's: that one recurses and holds a file open for each level.
    descent = Descent(around, b"")
    waiting: list[tuple[bytes, list[tuple[bytes, bool]]]] = []
    try:
        entries = _enter(name, descent)
        while True:
            while entries:
                entry, is_directory = entries.pop()
                if is_directory:
                    waiting.append((name, entries))
                    name, entries = entry, _enter(entry, descent)
                else:
                    os.unlink(entry, dir_fd=descent.here)
            descent.leave()
            os.rmdir(name, dir_fd=descent.here)
            if not waiting:
                return
            name, entries = waiting.pop()
    finally:
        descent.close()


def _enter(name: bytes, descent: Descent) -> list[tuple[bytes, bool]]:
    """Enter a directory that is to be removed; return its names, and whether each is a directory."""
    if os.lstat(name, dir_fd=descent.here).st_mode & 0o700 != 0o700:
        with suppress(PermissionError):  # another user's: the group may still have rights
            make_accessible(name, descent.here)
    descent.enter(name)
    with os.scandir(descent.here) as found:
        return [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in found]
