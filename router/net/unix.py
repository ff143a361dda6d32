"""Connections to a socket on this machine."""

from __future__ import annotations

import errno
import socket

from router.descriptors import limit_hint
from router.errors import DialError
from router.net.sockets import describe_os_error

__all__ = ["connect_unix"]

_HINTS = {
    errno.ENOENT: "check that buildkitd is running, and that this is its socket",
    errno.ECONNREFUSED: "nothing listens on this socket: start buildkitd",
    errno.EACCES: "this user has no permission to open the socket: buildkitd --group opens it to a group",
}


def connect_unix(path: str, peer: str, timeout: float) -> socket.socket:
    """Return a connected blocking socket; ``peer`` names it in errors. Raises DialError."""
    sock = None
    try:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # With a timeout the socket is nonblocking internally, and a full backlog answers EAGAIN at once.
        sock.settimeout(timeout)
        sock.connect("\0" + path[1:] if path.startswith("@") else path)
    except OSError as exc:
        if sock is not None:
            sock.close()
        raise DialError(
            f"can't connect to {peer}: {describe_os_error(exc)}",
            hint=limit_hint(exc) or _HINTS.get(exc.errno or 0),
            temporary=exc.errno not in {errno.EACCES, None},
        ) from exc
    return sock
