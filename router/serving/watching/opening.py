"""The socket of the status page: on this machine, unless it is said that others may see it too."""

from __future__ import annotations

import ipaddress
import socket

from router.errors import UsageError
from router.model.address import TcpAddress
from router.serving.opened_port import OpenedPort

__all__ = ["open_status"]

_LOOPBACK = "for this machine alone: --status 127.0.0.1:9090"


def open_status(address: TcpAddress, *, insecure: bool = False) -> socket.socket:
    """Return a bound socket, which the caller closes or hands to ``fleet_endpoint``.

    ``insecure``: other machines may open the page too. Raises ``UsageError`` for an address that they can
    reach without it, or that is not this machine's, and ``RouterError`` where the port is taken.
    """
    shown = f"{address.host}:{address.port}"
    port = OpenedPort(address=address, purpose=f"serve the status page on {shown}", hint=_LOOPBACK)
    family, where = port.places()[0]
    if not insecure and not ipaddress.ip_address(where[0]).is_loopback:
        raise UsageError(
            f"the status page on {shown} could be opened from other machines, and shows what is built",
            hint=f"{_LOOPBACK}; --insecure-status shows it to everybody who can reach the port",
        )
    try:
        return port.bind(family, where)
    except OSError as exc:
        raise port.error(exc) from exc
