"""What a client of TLS needs."""

from __future__ import annotations

from router.model.frozen import frozen

__all__ = ["TLSOptions"]


@frozen
class TLSOptions:
    """Paths of PEM files, in buildctl's meaning; ``server_name`` overrides the host of the address."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The paths that were given."""
        return tuple(filter(None, (self.ca, self.cert, self.key)))
