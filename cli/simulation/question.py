"""From the options of `warmroute simulate` to what the library is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import router as library
from cli.simulation.options import SimulationOptions
from cli.simulation.sources import Source, source_of
from router import Flag, RouterConfig, UsageError, parse_duration

if TYPE_CHECKING:
    from router import Churn, Daemon, Placement, SimulatedKey, Simulation, Traffic

__all__ = ["question"]

# More take minutes.
_MOST_BUILDS = 100_000


def question(options: SimulationOptions, config: RouterConfig) -> tuple[Simulation, Source]:
    """Return what to simulate, and where its daemons and keys come from.

    Raises ``UsageError``; ``UnreachableError`` where the fleet can't be listed or asked.
    """
    churn, migration, counts = _churn(options), _migration(options, config.placement), _counts(options)
    source = source_of(options, config)
    daemons, keys = source.daemons, source.keys
    asked = library.Simulation(
        daemons=daemons,
        keys=keys,
        placement=config.placement,
        max_builds=config.max_builds,
        spill=config.spill,
        queue=config.queue,
        retries=config.retries,
        traffic=_traffic(options, keys),
        churn=churn,
        scale=_scale(daemons, counts),
        migration=migration,
        seed=_whole("--seed", options.seed),
    )
    return asked, source


def _counts(options: SimulationOptions) -> tuple[int, int] | None:
    return library.parse_scale(options.scale) if options.scale else None


def _scale(
    daemons: tuple[Daemon, ...], counts: tuple[int, int] | None
) -> tuple[tuple[Daemon, ...], tuple[Daemon, ...]] | None:
    return (library.scaled(daemons, counts[0]), library.scaled(daemons, counts[1])) if counts else None


def _migration(options: SimulationOptions, placement: Placement) -> tuple[Placement, Placement] | None:
    if options.old is None and options.new is None:
        return None
    old, new = options.old or placement, options.new or placement
    if old == new:
        raise UsageError(
            f"--from and --to are both {old}", hint="name two placements: --from buildx --to ring"
        )
    return old, new


def _traffic(options: SimulationOptions, keys: tuple[SimulatedKey, ...]) -> Traffic:
    builds = _whole("--builds", options.builds)
    if builds > _MOST_BUILDS:
        raise UsageError(f"--builds {builds} is too many", hint=f"at most {_MOST_BUILDS} can be simulated")
    rated = any(key.rate is not None for key in keys)
    every = _seconds("--every", options.every) if options.every else None if rated else 10.0
    if every == 0:
        raise UsageError("--every is 0", hint="for example: --every 10s")
    return library.Traffic(
        builds=builds,
        every=every,
        cold=_seconds("--cold", options.cold),
        warm=_seconds("--warm", options.warm),
        zipf=options.zipf,
    )


def _churn(options: SimulationOptions) -> Churn:
    return library.Churn(
        every=_seconds("--restart-every", options.restart_every),
        takes=_seconds("--restart-takes", options.restart_takes),
        keeps_cache=not options.cold_restarts,
    )


def _seconds(name: str, text: str) -> float:
    return parse_duration(text, Flag(name=name, example="30s"))


def _whole(name: str, number: float) -> int:
    if not float(number).is_integer():
        raise UsageError(f"{name} {number:g} is not a whole number", hint=f"for example: {name} 4")
    return int(number)
