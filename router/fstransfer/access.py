"""Directories that their owner can't open: a build may well make some, with modes such as 0311 or 000.

Nothing here follows a link.
"""

from __future__ import annotations

import os
import stat

__all__ = ["make_accessible", "remove_tree"]


def make_accessible(name: bytes, around: int) -> None:
    """Give the owner of a directory all rights to it. Raises OSError, also for what is no directory."""
    if not hasattr(os, "O_PATH"):
        os.chmod(name, 0o700, dir_fd=around, follow_symlinks=False)
        return
    # A descriptor that needs no right to the directory itself; what it names can't be swapped any more.
    descriptor = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=around)
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        os.chmod(f"/proc/self/fd/{descriptor}", mode | 0o700)
    finally:
        os.close(descriptor)


def remove_tree(name: bytes, around: int) -> None:
    """Remove a directory with all that is in it. Raises OSError."""
    # Its module imports every compressor, and a directory that goes is rare.
    from shutil import rmtree

    try:
        rmtree(name, dir_fd=around)
    except PermissionError:
        _open_up(name, around)
        rmtree(name, dir_fd=around)


def _open_up(name: bytes, around: int) -> None:
    """Make a directory and those below it accessible."""
    make_accessible(name, around)
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=around)
    try:
        for below in os.listdir(descriptor):
            entry = os.fsencode(below)
            if stat.S_ISDIR(os.lstat(entry, dir_fd=descriptor).st_mode):
                _open_up(entry, descriptor)
    finally:
        os.close(descriptor)
