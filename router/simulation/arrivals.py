"""When builds arrive and what happens to daemons meanwhile: a story made at random, by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from random import Random

from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.simulation.model import Churn, SimulatedKey, Traffic, weights

__all__ = ["Arrival", "Change", "Down", "Resized", "Up", "arrivals", "restarts"]

_HOUR = 3600.0


@frozen
class Arrival:
    """Somebody builds a key; ``cold`` and ``warm`` are the seconds that it takes."""

    at: float
    key: str
    cold: float
    warm: float


@frozen
class Down:
    """A daemon ends, and its builds are lost; ``loses_cache`` where it comes back without its cache."""

    at: float
    daemon: str
    loses_cache: bool = False


@frozen
class Up:
    """A daemon that was down takes builds again."""

    at: float
    daemon: str


@frozen
class Resized:
    """The fleet consists of these from now on; builds on daemons that are not among them are lost."""

    at: float
    daemons: tuple[Daemon, ...]


Change = Down | Up | Resized


def arrivals(keys: tuple[SimulatedKey, ...], traffic: Traffic, seed: int) -> tuple[Arrival, ...]:
    """Return the builds, each at a random distance from the one before."""
    chance = Random(seed)  # noqa: S311 -- nothing is secret, and the same seed must give the same builds
    every = traffic.every if traffic.every is not None else _HOUR / sum(key.rate or 0.0 for key in keys)
    now = 0.0
    found: list[Arrival] = []
    for key in chance.choices(keys, weights(keys, traffic.zipf), k=traffic.builds):
        now += chance.expovariate(1 / every)
        found.append(
            Arrival(
                at=now,
                key=key.key,
                cold=traffic.cold if key.cold is None else key.cold,
                warm=traffic.warm if key.warm is None else key.warm,
            )
        )
    return tuple(found)


def restarts(daemons: Sequence[Daemon], churn: Churn, until: float) -> tuple[Change, ...]:
    """Return the restarts up to a moment: one daemon after the other, as in a rollout."""
    found: list[Change] = []
    if not churn.every:
        return ()
    for number, daemon in enumerate(cycle(daemons), start=1):
        at = number * churn.every
        if at > until:
            break
        found.append(Down(at=at, daemon=daemon.name, loses_cache=not churn.keeps_cache))
        found.append(Up(at=at + churn.takes, daemon=daemon.name))
    return tuple(found)
