"""The process at the other end of a unix socket, as the kernel knows it."""

from __future__ import annotations

import socket
from struct import Struct

from router.model.frozen import frozen

__all__ = ["Peer", "peer_of"]

# struct ucred of Linux: pid, uid, gid.
_CREDENTIALS = Struct("iII")


@frozen
class Peer:
    """``process`` is 0 if it is in another namespace; ``user`` is its user id when it connected, or began to
    listen."""

    process: int
    user: int

    def __str__(self) -> str:
        return f"process {self.process} of user {self.user}" if self.process else f"user {self.user}"


def peer_of(sock: socket.socket) -> Peer:
    """Return the process at the other end of a connected socket. Raises OSError."""
    answer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(answer)
    return Peer(process=process, user=user)
