"""A TCP port that this process opens for clients, and the errors if it can't."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any

from router.errors import RouterError, UsageError
from router.model.address import TcpAddress
from router.model.frozen import frozen
from router.net.sockets import describe_os_error

__all__ = ["OpenedPort"]


@frozen
class OpenedPort:
    """``purpose`` says in errors what the port is opened for; ``hint`` names an alternative."""

    address: TcpAddress
    purpose: str
    hint: str

    def places(self) -> Sequence[tuple[int, Any]]:
        """Return the families and addresses of the host's name. Raises ``UsageError``."""
        host = self.address.host
        try:
            found = socket.getaddrinfo(host, self.address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:  # an invalid name is not even looked up
            raise UsageError(f"can't {self.purpose}: the name {host} is not known", hint=self.hint) from exc
        return [(family, where) for family, _, _, _, where in found]

    def bind(self, family: int, where: Any) -> socket.socket:
        """Return a socket bound to an address. Raises OSError; see ``error``."""
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            # Leftover connections of an earlier process must not block this one.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(where)
        except OSError:
            sock.close()
            raise
        return sock

    def error(self, exc: OSError) -> RouterError:
        """Return the error for an address that could not be bound."""
        message = f"can't {self.purpose}: {describe_os_error(exc)}"
        if exc.errno == errno.EADDRINUSE:
            hint = f"ss -ltnp sport = :{self.address.port} shows the process that listens there"
            return RouterError(message, hint=hint, reason="in-use")
        return UsageError(message, hint=self.hint)
