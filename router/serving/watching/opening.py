"""The socket of the status page: on this machine, unless it is said that others may see it too."""

from __future__ import annotations

import errno
import ipaddress
import socket

from router.errors import RouterError, UsageError
from router.model.address import TcpAddress
from router.net.sockets import describe_os_error

__all__ = ["open_status"]

_LOOPBACK = "for this machine alone: --status 127.0.0.1:9090"


def open_status(address: TcpAddress, *, insecure: bool = False) -> socket.socket:
    """Return a bound socket, which the caller closes or hands to ``fleet_endpoint``.

    ``insecure``: other machines may open the page too. Raises ``UsageError`` for an address that they can
    reach without it, or that is not this machine's, and ``RouterError`` where the port is taken.
    """
    shown = f"{address.host}:{address.port}"
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:  # a name that can be none is not even looked up
        raise UsageError(
            f"can't serve the status page on {shown}: the name {address.host} is not known", hint=_LOOPBACK
        ) from exc
    family, _, _, _, where = found[0]
    if not insecure and not ipaddress.ip_address(where[0]).is_loopback:
        raise UsageError(
            f"the status page on {shown} could be opened from other machines, and shows what is built",
            hint=f"{_LOOPBACK}; --insecure-status shows it to everybody who can reach the port",
        )
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
    except OSError as exc:
        sock.close()
        message = f"can't serve the status page on {shown}: {describe_os_error(exc)}"
        if exc.errno == errno.EADDRINUSE:
            hint = f"ss -ltnp sport = :{address.port} shows who listens there"
            raise RouterError(message, hint=hint, reason="in-use") from exc
        raise UsageError(message, hint=_LOOPBACK) from exc
    return sock
