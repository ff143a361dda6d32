"""Daemons by their addresses, as the user lists them."""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import UsageError
from router.model.daemon import Daemon
from router.transport.address import parse_address

__all__ = ["StaticFleet"]


class StaticFleet:
    """The given pairs of name and URL; a pair without a name is named by its URL.

    ``source`` says who gave them (``--addr``). Raises UsageError where a URL is none, or a name is given
    to two. Whether anybody listens shows when one is dialled: all count as ready.
    """

    hint: str | None = None

    def __init__(self, addresses: Sequence[tuple[str, str]], *, source: str) -> None:
        self._source = source
        self._daemons = tuple(Daemon(name=name or url, address=url) for name, url in addresses)
        seen: set[str] = set()
        for daemon in self._daemons:
            parse_address(daemon.address)
            if daemon.name in seen:
                raise UsageError(
                    f"{source} gives {daemon.name!r} twice",
                    hint="a daemon's name decides which builds it gets: give each its own",
                )
            seen.add(daemon.name)

    def daemons(self) -> Sequence[Daemon]:
        """Return them in the order given."""
        return self._daemons

    def describe(self) -> str:
        """Say who gave them."""
        return f"the addresses given by {self._source}"
