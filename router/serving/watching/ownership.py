"""Which daemon owns which keys: the daemons' shares by placement, and the homes of some keys. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from router.errors import FleetError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.model.routing import Placement
from router.placement.key import printable
from router.placement.order import order, ranking
from router.placement.ring import arcs, point

__all__ = ["Owned", "Ownership", "ownership"]

# The number of keys to try for placements without a ring.
_TRIED = 1000
_MOST_KEYS = 100


@frozen
class Owned:
    """A key, the name of its home, and its place on the drawn circle, from 0 to 1."""

    key: str
    home: str
    at: float


@frozen
class Ownership:
    """A circle from 0 to 1: ``stretches`` have a start, an end, and the name of the daemon at home there.

    For the placement ``ring`` it is the ring itself, else each daemon has one stretch as long as its share.
    """

    placement: Placement
    stretches: tuple[tuple[float, float, str], ...] = ()
    shares: tuple[tuple[str, float], ...] = ()
    keys: tuple[Owned, ...] = ()


def ownership(daemons: Sequence[Daemon], placement: Placement, keys: Iterable[str]) -> Ownership:
    """Return the owners of at most a hundred keys; nothing if two daemons share an identity."""
    names = {daemon.hashed: daemon.name for daemon in sorted(daemons, key=_name) if not daemon.unplaced}
    stretches = tuple((begin, end, names[each]) for begin, end, each in _stretches(tuple(names), placement))
    shares = dict.fromkeys(names.values(), 0.0)
    for begin, end, name in stretches:
        shares[name] += end - begin
    found: list[Owned] = []
    for key in list(dict.fromkeys(keys))[:_MOST_KEYS]:
        try:
            home = order(key, daemons, placement)[0].daemon.name
        except (FleetError, IndexError):
            break
        found.append(Owned(key=key, home=home, at=_place(key, home, stretches, placement)))
    return Ownership(
        placement=placement,
        stretches=stretches,
        shares=tuple(shares.items()),
        keys=tuple(found),
    )


def _name(daemon: Daemon) -> str:
    return daemon.name


def _place(key: str, home: str, stretches: Sequence[tuple[float, float, str]], placement: Placement) -> float:
    at = point(printable(key))
    if placement == "ring":
        return at
    return next((begin + at * (end - begin) for begin, end, name in stretches if name == home), at)


@lru_cache(maxsize=4)
def _stretches(names: tuple[str, ...], placement: Placement) -> tuple[tuple[float, float, str], ...]:
    if placement == "ring":
        return arcs(names)
    rank = ranking(placement)
    homes = Counter(rank(f"key {number}", names)[0] for number in range(_TRIED if names else 0))
    found, begin = [], 0.0
    for name in names:
        end = begin + homes[name] / _TRIED
        found.append((begin, end, name))
        begin = end
    return tuple(found)
