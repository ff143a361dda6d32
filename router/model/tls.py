"""What a client of TLS needs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TLSOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSOptions:
    """Paths of PEM files, in buildctl's meaning; ``server_name`` overrides the host of the address."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None
