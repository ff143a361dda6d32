"""A TCP port that this process opens for others, and the errors where it can't."""

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
    """``purpose`` is what it is opened for, as an error has it; ``hint`` is what else to ask for."""

    address: TcpAddress
    purpose: str
    hint: str

    def places(self) -> Sequence[tuple[int, Any]]:
        """Return the families and addresses that the host's name has. Raises ``UsageError``."""
        host = self.address.host
        try:
            found = socket.getaddrinfo(host, self.address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:  # a name that can be none is not even looked up
            raise UsageError(f"can't {self.purpose}: the name {host} is not known", hint=self.hint) from exc
        return [(family, where) for family, _, _, _, where in found]

    def bind(self, family: int, where: Any) -> socket.socket:
        """Return a socket that is bound to a place. Raises OSError; see ``error``."""
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            # What is left of connections of an earlier process must not be in the way of the next one.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(where)
        except OSError:
            sock.close()
            raise
        return sock

    def error(self, exc: OSError) -> RouterError:
        """Return the error where a place could not be bound to."""
        message = f"can't {self.purpose}: {describe_os_error(exc)}"
        if exc.errno == errno.EADDRINUSE:
            hint = f"ss -ltnp sport = :{self.address.port} shows who listens there"
            return RouterError(message, hint=hint, reason="in-use")
        return UsageError(message, hint=self.hint)
