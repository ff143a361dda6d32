"""One server for a socket's path: the holder of the lock beside it may replace a leftover socket."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from router.closing import Closing
from router.errors import RouterError, UsageError
from router.net.sockets import describe_os_error

__all__ = ["SocketLock", "in_use"]

_LONGEST = 20


class SocketLock(Closing):
    """Held until it is closed, or the process ends, however it does. ``path`` is the socket's.

    Raises ``RouterError`` if another process holds it, ``UsageError`` if no lock can be made.
    """

    def __init__(self, path: str) -> None:
        self._path = f"{path}.lock"
        self._descriptor = self._locked(path)
        os.truncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Release it for the next server."""
        if self._descriptor >= 0:
            # Removed while it is held: a process that opened it meanwhile checks that it still exists.
            with suppress(OSError):
                os.unlink(self._path)
            os.close(self._descriptor)
            self._descriptor = -1

    def _locked(self, path: str) -> int:
        while True:
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except OSError as exc:
                raise _refused(self._path, exc) from exc
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_there(descriptor):
                    return descriptor
            except BlockingIOError as exc:
                holder = os.pread(descriptor, _LONGEST, 0).decode("ascii", "replace").strip()
                os.close(descriptor)
                raise in_use(path, int(holder) if holder.isdecimal() else 0) from exc
            except OSError as exc:
                os.close(descriptor)
                raise _refused(self._path, exc) from exc
            os.close(descriptor)

    def _is_there(self, descriptor: int) -> bool:
        """Say whether the locked file is still the one with that name."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self._path))
        except FileNotFoundError:
            return False


def in_use(path: str, process: int) -> RouterError:
    """Return the error if another process (0: unknown) already listens at a path."""
    who = f"process {process}" if process else "another process"
    stop = f"stop it (kill {process})" if process else "stop it"
    return RouterError(
        f"unix://{path} is in use: {who} listens on it",
        hint=f"{stop}, or listen elsewhere: --listen unix://PATH",
        reason="in-use",
    )


def _refused(path: str, exc: OSError) -> UsageError:
    return UsageError(
        f"can't lock {path}: {describe_os_error(exc)}", hint="choose another path: --listen unix://PATH"
    )
