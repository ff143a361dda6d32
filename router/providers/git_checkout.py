"""Where a git checkout keeps what belongs to it: found from its files, without running git.

Understands plain clones, worktrees and submodules (a ``.git`` file). Paths are bytes.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping

from router.model.frozen import frozen

__all__ = ["Checkout", "Place", "checkout_at", "find_checkout", "read_file", "read_with_status"]

_MAX_POINTER = 1 << 16


@frozen
class Checkout:
    """``top`` is the working tree, ``git_directory`` is its own, and ``common_directory`` all worktrees'."""

    top: bytes
    git_directory: bytes
    common_directory: bytes


@frozen
class Place:
    """A directory in a checkout; ``prefix`` is its path below the top, with a slash unless it is the top.

    ``environment`` says where the user's settings of git are, and is git's own where git has to be asked.
    """

    checkout: Checkout
    prefix: bytes
    environment: Mapping[str, str]


def find_checkout(directory: bytes) -> Checkout | None:
    """Return the innermost checkout that ``directory`` is in, None outside of any."""
    top = os.path.realpath(directory)
    while not os.path.lexists(os.path.join(top, b".git")):
        parent = os.path.dirname(top)
        if parent == top:
            return None
        top = parent
    return checkout_at(top)


def checkout_at(top: bytes) -> Checkout | None:
    """Return the checkout whose working tree is ``top``, None where there is none."""
    own = os.path.join(top, b".git")
    if not os.path.isdir(own):
        pointer = _pointer(own)
        if not pointer.startswith(b"gitdir: "):
            return None
        own = os.path.normpath(os.path.join(top, pointer.removeprefix(b"gitdir: ")))
    # A worktree's own folder names the one that it shares with all others.
    common = _pointer(os.path.join(own, b"commondir"))
    shared = os.path.normpath(os.path.join(own, common)) if common else own
    return Checkout(top=top, git_directory=own, common_directory=shared)


def _pointer(path: bytes) -> bytes:
    """Return the line of a file that names a path, nothing where no path can be like that."""
    line = (read_file(path, _MAX_POINTER) or b"").rstrip(b"\r\n")
    return b"" if b"\0" in line else line


def read_file(path: bytes, limit: int) -> bytes | None:
    """Return what is in a regular file, None if it is none, can't be read or is larger than ``limit``."""
    found = read_with_status(path, limit)
    return found[0] if found else None


def read_with_status(path: bytes, limit: int) -> tuple[bytes, os.stat_result] | None:
    """Do as ``read_file``, and return what ``fstat`` said of the file just before."""
    with contextlib.suppress(OSError):
        # Whoever made the checkout may have laid a named pipe there, which must not hold anybody up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and status.st_size <= limit:
                data = file.read(status.st_size + 1)
                if len(data) <= limit:
                    return data, status
    return None
