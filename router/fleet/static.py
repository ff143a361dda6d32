"""Daemons by their addresses, as the user lists them."""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import UsageError
from router.fleet.contract import Fleet
from router.model.address import Address, DnsName, NamedAddress
from router.model.daemon import NOT_ASKED, Daemon
from router.notation.quoting import quoted

__all__ = ["StaticFleet"]


class StaticFleet:
    """The given pairs of name and address; a pair without a name is named by its address.

    A name in DNS (``dns://``) stands for all daemons behind it. ``source`` says who gave the pairs
    (``--addr``), ``timeout`` is seconds for one look at DNS. Raises UsageError where a name is given to two
    daemons, or an address two names. Whether anybody listens shows when one is dialled: all count as
    ready, though nobody has asked them.
    """

    def __init__(self, addresses: Sequence[NamedAddress], *, source: str, timeout: float = 10.0) -> None:
        self._source = source
        self._parts: tuple[Daemon | Fleet, ...] = tuple(
            _part(name, address, timeout) for name, address in addresses
        )
        named = [part for part in self._parts if isinstance(part, Daemon)]
        self._check(named)
        self._check_addresses(named)

    @property
    def hint(self) -> str | None:
        """What shows the same addresses, where they are not all written down."""
        hints = [part.hint for part in self._parts if not isinstance(part, Daemon) and part.hint]
        return "; ".join(hints) or None

    def daemons(self) -> Sequence[Daemon]:
        """Return them in the order given, names resolved. Raises FleetError, UsageError."""
        found: list[Daemon] = []
        for part in self._parts:
            found += [part] if isinstance(part, Daemon) else part.daemons()
        self._check(found)
        return tuple(found)

    def describe(self) -> str:
        """Say who gave them."""
        if len(self._parts) == 1 and not isinstance(self._parts[0], Daemon):
            return self._parts[0].describe()
        return f"addresses given by {self._source}"

    def _check(self, daemons: Sequence[Daemon]) -> None:
        seen: set[str] = set()
        for daemon in daemons:
            if daemon.name in seen:
                raise UsageError(
                    f"{self._source} gives {quoted(daemon.name)} twice",
                    hint="a daemon's name decides which builds it gets: give each its own",
                )
            seen.add(daemon.name)

    def _check_addresses(self, daemons: Sequence[Daemon]) -> None:
        """Refuse one daemon under two names: it would get the keys of two, and be tried twice."""
        seen: dict[Address, Daemon] = {}
        for daemon in daemons:
            if (twin := seen.setdefault(daemon.address, daemon)) is not daemon:
                raise UsageError(
                    f"{self._source} gives {daemon.address} two names: {twin.name} and {daemon.name}",
                    hint="name each daemon once",
                )


def _part(name: str, address: Address | DnsName, timeout: float) -> Daemon | Fleet:
    if not isinstance(address, DnsName):
        return Daemon(name=name or str(address), address=address, state=NOT_ASKED)
    from router.fleet.dns import DnsFleet

    # A name that is the address as it was written is none that was given.
    return DnsFleet(address, prefix="" if "://" in name else name, timeout=timeout)
