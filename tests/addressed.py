"""Daemons by their addresses: as a config has them, and as texts."""

from __future__ import annotations

from router.address import parse_daemons
from router.config import RouterConfig
from router.model.address import NamedAddress

__all__ = ["addressed", "addresses_of"]


def addressed(*pairs: tuple[str, str]) -> tuple[NamedAddress, ...]:
    """Return pairs of name and address with the address read."""
    return tuple((name, parse_daemons(text)) for name, text in pairs)


def addresses_of(config: RouterConfig) -> dict[str, str]:
    """Return a config's addresses as texts, by name."""
    return {name: str(address) for name, address in config.addresses}
