"""``--add-host HOST=IP`` (or ``HOST:IP``): lines of ``/etc/hosts`` for the steps.

``host-gateway`` instead of an address stands for the host of the daemon; only a daemon can tell which that
is.
"""

from __future__ import annotations

from ipaddress import ip_address

from router.model.build_options import ExtraHost
from router.notation.flag import Flag

__all__ = ["HOST_GATEWAY", "ExtraHost", "format_add_host", "parse_add_host"]

HOST_GATEWAY = "host-gateway"
"""The word that stands for the address of the daemon's host."""

_FLAG = Flag(name="--add-host", example="registry.local=10.0.0.1")


def parse_add_host(text: str) -> ExtraHost:
    """Parse one. Addresses are separated by commas, and may be in brackets. Raises ``UsageError``."""
    host, separator, rest = text.partition("=")
    if not separator:
        host, separator, rest = text.partition(":")
    if not host or not rest or ":" in host:
        raise _FLAG.error(text, "it is not of the form HOST=IP")
    if rest == HOST_GATEWAY:
        return ExtraHost(host=host, addresses=(HOST_GATEWAY,))
    addresses = tuple(map(_without_brackets, rest.split(",")))
    for address in addresses:
        if not _is_address(address):
            raise _FLAG.error(text, f'"{address}" is not an IP address')
    return ExtraHost(host=host, addresses=addresses)


def format_add_host(host: ExtraHost) -> str:
    """Return the text that ``parse_add_host`` reads as ``host``."""
    return f"{host.host}={','.join(host.addresses)}"


def _without_brackets(address: str) -> str:
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


def _is_address(text: str) -> bool:
    # Rarely needed, and slow to import.
    try:
        return not getattr(ip_address(text), "scope_id", None)
    except ValueError:
        return False
