"""What `benchmarks.fleet` measures on real daemons, as the simulation has it; prints a table in Markdown.

    python -m benchmarks.fleet_simulated [--builds 500] [--rate 5] [--cold 2.6] [--warm 0.6]

The same builds, restarts and bounds. How long a cold and a warm build take depends on the machine: a run of
`benchmarks.fleet` has them as p95 and p50.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from benchmarks import fleet
from router.failover import Policy
from router.model.routing import Placement
from router.simulation.arrivals import Arrival, Change, Down, Resized, Up
from router.simulation.given import parse_daemon_names
from router.simulation.replay import Story, replay

_BEFORE = parse_daemon_names([",".join(f"d{number}" for number in range(fleet.DAEMONS))])
_AFTER = (*_BEFORE, *parse_daemon_names([f"d{fleet.DAEMONS}"]))
# Seconds that a daemon takes to serve again once it is started.
_STARTS = 1.0

_POLICIES: dict[str, tuple[Placement, Policy]] = {
    "ring of buildx": ("buildx", Policy(retries=0)),
    "warmroute, no bound": ("ring", Policy()),
    "warmroute, --spill next": ("ring", Policy(max_builds=fleet.BOUND, spill="next")),
    "warmroute, --spill warm": ("ring", Policy(max_builds=fleet.BOUND, spill="warm")),
}


def _churn(seconds: float) -> Iterator[Change]:
    """Yield what the benchmark does to its fleet, one thing after the other."""
    at, number, joined = fleet.RESTART_EVERY, 0, False
    while at < seconds:
        if at > seconds / 2 and not joined:
            joined = True
            at += _STARTS
            yield Resized(at=at, daemons=_AFTER)
        name = f"d{number % fleet.DAEMONS}"
        yield Down(at=at, daemon=name)
        at += fleet.AWAY + _STARTS
        yield Up(at=at, daemon=name)
        at += fleet.RESTART_EVERY
        number += 1


def _row(name: str, builds: Sequence[Arrival], changes: Sequence[Change], seed: int) -> str:
    placement, policy = _POLICIES[name]
    outcome = replay(
        Story(
            daemons=_BEFORE,
            placement=placement,
            policy=policy,
            arrivals=builds,
            changes=changes,
            seed=seed,
        )
    )
    return (
        f"| {name} | {outcome.warm_repeats:.1%} | {outcome.in_flight:.2f} | {outcome.seconds(0.5):.2f} s"
        f" | {outcome.seconds(0.95):.2f} s | {outcome.failed} |"
    )


def main() -> None:
    """Print a table for each load."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet_simulated")
    parser.add_argument("--builds", type=int, default=500)
    parser.add_argument("--rate", type=float, default=5.0, help="builds per second")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cold", type=float, default=2.6, help="seconds")
    parser.add_argument("--warm", type=float, default=0.6, help="seconds")
    options = parser.parse_args()
    for order in fleet.LOADS:
        moments = fleet.moments(order, options.builds, options.rate, options.seed)
        builds = [Arrival(at=at, key=key, cold=options.cold, warm=options.warm) for at, key in moments]
        changes = tuple(_churn(moments[-1][0])) if order == "churn" else ()
        print(f"\n{order}\n\n| | warm repeats | in flight, busiest over mean | p50 | p95 | failed |")
        print("|---|---|---|---|---|---|")
        for name in _POLICIES:
            print(_row(name, builds, changes, options.seed))


if __name__ == "__main__":
    main()
