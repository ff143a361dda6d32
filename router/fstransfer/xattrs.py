"""Extended attributes as bytes, where the platform has them (Linux)."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping

__all__ = ["read_xattrs", "write_xattrs"]

_APPLE = "com.apple."

if sys.platform == "linux":

    def read_xattrs(full: bytes, directory: int, name: bytes) -> dict[bytes, bytes]:
        """Return the attributes of ``name`` itself in an open directory, even if it is a link.

        ``full`` is its whole path. Attributes that can't be read are left out.
        """
        # An empty list is by far the most common answer, and asking by the whole path takes half the time. If
        # another directory has replaced one on the way, the answer reveals only attribute names.
        try:
            names = os.listxattr(full, follow_symlinks=False)
        except OSError as exc:
            if exc.errno == errno.ENOTSUP:
                return {}
            raise
        return _read_values(b"/proc/self/fd/%d/%b" % (directory, name), names) if names else {}

    def _read_values(path: bytes, names: list[str]) -> dict[bytes, bytes]:
        values = {}
        for name in names:
            if name.startswith(_APPLE):
                continue
            try:
                values[os.fsencode(name)] = os.getxattr(path, name, follow_symlinks=False)
            except OSError:
                continue
        return values

    def write_xattrs(descriptor: int, attributes: Mapping[bytes, bytes]) -> None:
        """Set the attributes that the file system and the user's rights allow, as BuildKit does; skip the
        rest."""
        for name, value in attributes.items():
            try:
                os.setxattr(descriptor, name, value)
            except (OSError, ValueError):
                continue

else:

    def read_xattrs(full: bytes, directory: int, name: bytes) -> dict[bytes, bytes]:  # noqa: ARG001
        """Return nothing: this platform's attributes are unlike Linux's."""
        return {}

    def write_xattrs(descriptor: int, attributes: Mapping[bytes, bytes]) -> None:
        """Set nothing: this platform's attributes are unlike Linux's."""
