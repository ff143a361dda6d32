"""Tell a file system from others that had, or will have, the same device number.

A device number is free again once its file system is unmounted, and inode numbers start over in each. The
file system's own id tells two of them apart. A packed image (squashfs, an ISO) has no id that differs, and
the change times of its files mean nothing here: two such images can't be told apart.
"""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["identity", "is_image", "kind_of"]

_IMAGES = frozenset({b"cramfs", b"erofs", b"iso9660", b"romfs", b"squashfs", b"udf"})
# The same formats, read by a process: the mount's type is then "fuse.squashfuse".
_IMAGES_BY_FUSE = frozenset({b"erofsfuse", b"fuseiso", b"squashfuse", b"squashfuse_ll"})


def identity(directory: int) -> bytes | None:
    """Return an identity of an open directory's file system; None if it can't be told from others.

    Raises OSError.
    """
    return None if is_image(_kind(directory)) else b"%d" % os.fstatvfs(directory).f_fsid


def is_image(kind: bytes) -> bool:
    """Say whether a type of file system, as the kernel names it, is a packed image."""
    return kind in _IMAGES or kind.removeprefix(b"fuse.") in _IMAGES_BY_FUSE


def kind_of(mountinfo: bytes, mount: bytes) -> bytes:
    """Return the type of a mount's file system by the mount's number, empty if it isn't listed.

    ``mountinfo`` is in the format of ``/proc/PID/mountinfo`` (proc_pid_mountinfo(5)).
    """
    for line in mountinfo.splitlines():
        if line.startswith(mount + b" "):
            # Optional fields end with a hyphen. None of the fields before it can be a hyphen.
            return line.partition(b" - ")[2].partition(b" ")[0]
    return b""


def _kind(directory: int) -> bytes:
    with suppress(OSError):  # only Linux has /proc
        for line in _read(f"/proc/self/fdinfo/{directory}").splitlines():
            if line.startswith(b"mnt_id:"):
                return kind_of(_read("/proc/self/mountinfo"), line.split()[1])
    return b""


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
