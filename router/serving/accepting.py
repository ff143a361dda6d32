"""Taking connections from a listening socket, until somebody says that it is enough."""

from __future__ import annotations

import errno
import select
from contextlib import suppress
from socket import socket

from router.cancellation import Cancellation
from router.closing import Closing
from router.errors import CancelledError

__all__ = ["ListeningSocket"]

# Connections that wait to be taken: a bake of many targets, or a CI's morning.
_BACKLOG = 128
# When no more files can be opened the next connection stays there; so long it is left alone.
_PAUSE = 0.2
_FULL = frozenset([errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])


class ListeningSocket(Closing):
    """A bound socket, which it owns; from now on it listens.

    The socket may be another process's too (systemd keeps what it hands out): so it is never shut down.
    """

    def __init__(self, sock: socket) -> None:
        self._socket = sock
        self._stop = Cancellation()
        sock.setblocking(False)
        sock.listen(_BACKLOG)

    def accept(self) -> socket | None:
        """Wait for the next connection; None once ``stop`` was called."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._stop.fileno(), select.POLLIN)
        while not self._stop.cancelled:
            poll.poll()
            if not self._stop.cancelled and (connection := self._taken()) is not None:
                return connection
        return None

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stop.cancelled

    def stop(self) -> None:
        """End ``accept``, from any thread."""
        self._stop.cancel("stopped")

    def close(self) -> None:
        """Stop, and close the socket; nobody may be in ``accept`` any more."""
        self.stop()
        self._socket.close()
        self._stop.close()

    def _taken(self) -> socket | None:
        try:
            return self._socket.accept()[0]
        except OSError as exc:
            # Whatever befell the one that came: the next one is another.
            if exc.errno in _FULL:
                with suppress(CancelledError):
                    self._stop.sleep(_PAUSE)
            return None
