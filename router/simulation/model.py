"""The question to a simulation: daemons, keys, arrivals of builds, and changes of the fleet."""

from __future__ import annotations

from router.failover import Policy
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.model.routing import Placement, Spill

__all__ = ["Churn", "SimulatedKey", "Simulation", "Traffic", "weights"]


@frozen
class SimulatedKey:
    """A balancing key. ``rate`` is its builds an hour, None where that isn't known.

    ``cold`` and ``warm`` are the seconds that a build takes on a daemon without and with its cache, None for
    those of the traffic.
    """

    key: str
    rate: float | None = None
    cold: float | None = None
    warm: float | None = None


@frozen
class Traffic:
    """How builds arrive: so many, one ``every`` so many seconds on the average, at random.

    ``every`` None takes the sum of the keys' rates; it needs them. Keys without rates are built in a Zipf
    order: the n-th of them with a weight of 1 / n ** ``zipf``.
    """

    builds: int = 1000
    every: float | None = 10.0
    cold: float = 60.0
    warm: float = 10.0
    zipf: float = 1.0


@frozen
class Churn:
    """Restarts: every so many seconds the next daemon in turn is away for ``takes`` seconds; 0 is never.

    Its builds are lost. ``keeps_cache`` says whether it comes back with what it had built.
    """

    every: float = 600.0
    takes: float = 30.0
    keeps_cache: bool = True


@frozen
class Simulation:
    """One question. ``placement`` is the one whose moves are told; the others are compared with it.

    ``max_builds``, ``spill``, ``queue`` and ``retries`` are those of ``RouterConfig``. ``scale`` are the
    daemons before and after; ``migration`` the placements. The same ``seed`` gives the same answer.
    """

    daemons: tuple[Daemon, ...]
    keys: tuple[SimulatedKey, ...]
    placement: Placement = "ring"
    max_builds: int = 8
    spill: Spill = "warm"
    queue: float = 0.0
    retries: int = 2
    traffic: Traffic = Traffic()
    churn: Churn = Churn()
    scale: tuple[tuple[Daemon, ...], tuple[Daemon, ...]] | None = None
    migration: tuple[Placement, Placement] | None = None
    seed: int = 0

    @property
    def policy(self) -> Policy:
        """The placement that routes the builds."""
        return Policy(max_builds=self.max_builds, spill=self.spill, queue=self.queue, retries=self.retries)


def weights(keys: tuple[SimulatedKey, ...], zipf: float) -> tuple[float, ...]:
    """Return the share that each key has in all builds: by its rate, else by its place among the keys."""
    if any(key.rate is not None for key in keys):
        raw = [key.rate or 0.0 for key in keys]
    else:
        raw = [number**-zipf for number in range(1, len(keys) + 1)]
    total = sum(raw)
    return tuple(weight / total for weight in raw)
