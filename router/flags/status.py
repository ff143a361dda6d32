"""``--status`` and ``--health``: where `warmroute serve` has its status page, and says whether it is ready.

Each is a host and a port. Pure: whether it may be there is decided where the socket is opened.
"""

from __future__ import annotations

import re

from router.model.address import TcpAddress
from router.notation.flag import Flag

__all__ = ["parse_health", "parse_status"]

_STATUS = Flag(name="--status", example="127.0.0.1:9090")
_HEALTH = Flag(name="--health", example="0.0.0.0:8081")
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})", re.ASCII)


def parse_status(text: str) -> TcpAddress:
    """Parse ``HOST:PORT``; port 0 is any that is free. Raises ``UsageError`` naming the flag."""
    return _parse(text, _STATUS)


def parse_health(text: str) -> TcpAddress:
    """Parse as ``parse_status`` does."""
    return _parse(text, _HEALTH)


def _parse(text: str, flag: Flag) -> TcpAddress:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise flag.error(text, "it must be HOST:PORT")
    port = int(found[2])
    if port > 65535:
        raise flag.error(text, "a port is at most 65535")
    return TcpAddress(host=found[1].strip("[]"), port=port)
