"""Whether a host is the machine that asks for it. Pure: names other than localhost aren't looked up."""

from __future__ import annotations

import ipaddress

__all__ = ["is_loopback"]


def is_loopback(domain: str) -> bool:
    """Say whether a host, with or without a port, is the machine that asks for it."""
    host = domain if domain.endswith("]") else domain.rpartition(":")[0] or domain
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
