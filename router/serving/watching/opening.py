"""The sockets of the status page, only for this machine unless others are allowed, and of health checks."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from router.errors import UsageError
from router.model.address import TcpAddress
from router.serving.opened_port import OpenedPort

__all__ = ["open_health", "open_status"]

_LOOPBACK = "for this machine only: --status 127.0.0.1:9090"
_HEALTH = "for the probes of Kubernetes: --health 0.0.0.0:8081"


def open_status(address: TcpAddress, *, insecure: bool = False) -> socket.socket:
    """Return a bound socket, which the caller closes or hands to ``fleet_endpoint``.

    ``insecure``: other machines may open the page too. Raises ``UsageError`` for an address that they can
    reach without it, or that doesn't belong to this machine, and ``RouterError`` if the port is taken.
    """
    shown = f"{address.host}:{address.port}"
    port = OpenedPort(address=address, purpose=f"serve the status page on {shown}", hint=_LOOPBACK)
    family, where = port.places()[0]
    if not insecure and not ipaddress.ip_address(where[0]).is_loopback:
        raise UsageError(
            f"the status page on {shown} would be open to other machines, and shows all builds",
            hint=f"{_LOOPBACK}; --insecure-status allows everybody who can reach the port",
        )
    return _bound(port, family, where)


def open_health(address: TcpAddress) -> socket.socket:
    """Return a bound socket, as ``open_status`` does. Any machine can ask: it says nothing about builds."""
    purpose = f"answer health checks on {address.host}:{address.port}"
    port = OpenedPort(address=address, purpose=purpose, hint=_HEALTH)
    family, where = port.places()[0]
    return _bound(port, family, where)


def _bound(port: OpenedPort, family: int, where: Any) -> socket.socket:
    try:
        return port.bind(family, where)
    except OSError as exc:
        raise port.error(exc) from exc
