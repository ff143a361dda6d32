"""Which daemon each key belongs to, and which keys get another one: what can be told without a clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.model.routing import Placement
from router.placement.order import order

__all__ = ["Balance", "Homes", "Move", "balance", "first_two", "homes", "homes_without", "move", "over_mean"]

Homes = Mapping[str, str]
"""The name of the home of each key."""


@frozen
class Balance:
    """How even a placement is. ``keys`` is how many keys each daemon is home to, ``builds`` its share of all
    builds, where each is built at home."""

    placement: Placement
    keys: Mapping[str, int]
    builds: Mapping[str, float]

    @property
    def most_keys(self) -> float:
        """The keys of the daemon with the most, over the mean."""
        return over_mean(list(self.keys.values()))

    @property
    def most_builds(self) -> float:
        """The builds of the daemon with the most, over the mean."""
        return over_mean(list(self.builds.values()))


@frozen
class Move:
    """What a change does: ``moved`` of ``keys`` get another home, ``builds`` is their share of all builds.

    ``event`` names the change (``3 to 4 daemons``, the daemon lost, ``buildx to ring``); ``gained`` is how
    many of the moved keys each daemon gets, without those that get none.
    """

    kind: Literal["scale", "loss", "migration"]
    event: str
    moved: int
    keys: int
    builds: float
    gained: Mapping[str, int]

    @property
    def share(self) -> float:
        """The share of all keys that moves."""
        return self.moved / self.keys


def first_two(
    keys: Sequence[str], daemons: Sequence[Daemon], placement: Placement
) -> Mapping[str, tuple[str, ...]]:
    """Return the names of each key's home and of the next in its order, if there is one.

    Raises ``FleetError`` where two daemons share an identity.
    """
    return {
        key: tuple(candidate.daemon.name for candidate in order(key, daemons, placement)[:2]) for key in keys
    }


def homes(keys: Sequence[str], daemons: Sequence[Daemon], placement: Placement) -> Homes:
    """Return the home of each key. Raises ``FleetError`` where two daemons share an identity."""
    return {key: first for key, (first, *_) in first_two(keys, daemons, placement).items()}


def homes_without(lost: str, first: Mapping[str, tuple[str, ...]]) -> Homes:
    """Return the home of each key on a fleet of several that has lost a daemon.

    Every placement is consistent: without a daemon the orders are the same without its name.
    """
    return {key: names[1] if names[0] == lost else names[0] for key, names in first.items()}


def balance(
    found: Homes, daemons: Sequence[Daemon], placement: Placement, shares: Mapping[str, float]
) -> Balance:
    """Return how even homes are; ``shares`` is each key's share of all builds."""
    keys = Counter(found.values())
    builds = dict.fromkeys((daemon.name for daemon in daemons), 0.0)
    for key, home in found.items():
        builds[home] += shares[key]
    return Balance(
        placement=placement, keys={daemon.name: keys[daemon.name] for daemon in daemons}, builds=builds
    )


def move(
    kind: Literal["scale", "loss", "migration"],
    event: str,
    before: Homes,
    after: Homes,
    shares: Mapping[str, float],
) -> Move:
    """Return the differences between two sets of homes of the same keys."""
    moved = [key for key in before if before[key] != after[key]]
    return Move(
        kind=kind,
        event=event,
        moved=len(moved),
        keys=len(before),
        builds=sum(shares[key] for key in moved),
        gained=Counter(after[key] for key in moved),
    )


def over_mean(values: Sequence[float]) -> float:
    """Return the largest over the mean; 1 where there is nothing to share out."""
    total = sum(values)
    return max(values) * len(values) / total if total else 1.0
