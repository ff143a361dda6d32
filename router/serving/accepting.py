"""Accept connections from a listening socket until told to stop."""

from __future__ import annotations

import errno
import select
from contextlib import suppress
from socket import socket

from router.cancellation import Cancellation
from router.closing import Closing
from router.errors import CancelledError

__all__ = ["ListeningSocket"]

# Connections that wait to be accepted, up to the kernel's own limit: beyond it a unix socket refuses clients
# at once, and neither Go nor gRPC tries again.
_BACKLOG = 4096
# If no more files can be opened, the next connection stays in the queue; we pause this long.
_PAUSE = 0.2
_FULL = frozenset([errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])


class ListeningSocket(Closing):
    """A bound socket, which it owns and listens on.

    Another process may have the socket too (systemd keeps the ones that it passes): so it is never shut down.
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
        """Stop, and close the socket; no thread may still be in ``accept``."""
        self.stop()
        self._socket.close()
        self._stop.close()

    def _taken(self) -> socket | None:
        try:
            return self._socket.accept()[0]
        except OSError as exc:
            # An error of this connection says nothing about the next one.
            if exc.errno in _FULL:
                with suppress(CancelledError):
                    self._stop.sleep(_PAUSE)
            return None
