"""The name of a client, from its certificate."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

__all__ = ["certificate_name"]

_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
}


def certificate_name(connection: ssl.SSLSocket) -> str:
    """Return the subject of the client's certificate, or its first alternative name, such as SPIFFE's.

    Two certificates with one name are one client, from any host. Raises OSError if there is no name.
    """
    shown: dict[str, Any] | None = connection.getpeercert()
    known = shown or {}
    pairs = [pair for part in known.get("subject", ()) for pair in part]
    pairs = pairs or list(known.get("subjectAltName", ())[:1])
    if not pairs:
        raise OSError("its certificate has no name")
    return _joined(pairs)


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    """Join parts unambiguously (in the style of RFC 4514, section 2.4)."""
    return ",".join(f"{_SHORT.get(kind, kind)}={_escaped(value)}" for kind, value in pairs)


def _escaped(value: str) -> str:
    return "".join(f"\\{each}" if each in ",=\\" else each for each in value)
