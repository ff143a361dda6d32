"""A unix socket that only this user can connect to."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile

from router.closing import Closing

__all__ = ["PrivateSocket"]

_NAME = "buildkitd.sock"
# sun_path holds 108 bytes on Linux and 104 elsewhere, including the terminating zero.
_LONGEST = 103
_BACKLOG = 64


class PrivateSocket(Closing):
    """Listens at ``path``, in a directory that only this user may enter; ``close`` removes both."""

    def __init__(self) -> None:
        self._directory = _private_directory()
        self.path = os.path.join(self._directory, _NAME)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(self.path)
        self._socket.listen(_BACKLOG)

    def accept(self) -> socket.socket:
        """Return the next connection. Raises OSError once interrupted or closed."""
        return self._socket.accept()[0]

    def interrupt(self) -> None:
        """End ``accept`` in another thread, or its next call."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # closed already

    def close(self) -> None:
        """Accept no more connections; existing ones continue."""
        self._socket.close()
        shutil.rmtree(self._directory, ignore_errors=True)


def _private_directory() -> str:
    # mkdtemp creates it for this user only.
    directory = tempfile.mkdtemp(prefix="warmroute-")
    if len(directory) + len(f"/{_NAME}") <= _LONGEST:
        return directory
    os.rmdir(directory)
    return tempfile.mkdtemp(prefix="warmroute-", dir="/tmp")
