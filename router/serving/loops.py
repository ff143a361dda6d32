"""Detect an endpoint that would send builds to itself, because ``BUILDKIT_HOST`` points its clients to it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from router.errors import UsageError
from router.flags.listen import ListenAddress
from router.model.address import Address, TcpAddress, UnixAddress
from router.model.daemon import Daemon
from router.notation.loopback import is_loopback

__all__ = ["refuse_itself"]

_ALL = frozenset(["0.0.0.0", "::"])  # noqa: S104 -- only compared, not listened on


def refuse_itself(listened: Iterable[ListenAddress], daemons: Iterable[Daemon]) -> None:
    """Raise ``UsageError`` if a daemon's address is one that the endpoint listens on."""
    own = tuple(listened)
    for daemon in daemons:
        if any(_same(daemon.address, where) for where in own):
            raise UsageError(
                f"the endpoint would send builds to itself: it listens on {daemon.address}",
                hint="name the daemons with --addr, --selector or --fleet; BUILDKIT_HOST is for its clients",
            )


def _same(daemon: Address, listened: ListenAddress) -> bool:
    match daemon, listened:
        case UnixAddress(path=one), UnixAddress(path=other):
            return os.path.realpath(one) == os.path.realpath(other)
        case TcpAddress(host=one, port=port), TcpAddress(host=other, port=same) if port == same:
            return one == other or all(map(_is_here, (one, other)))
        case _:
            return False


def _is_here(host: str) -> bool:
    return host in _ALL or is_loopback(f"[{host}]" if ":" in host else host)
