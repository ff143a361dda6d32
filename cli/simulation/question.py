"""From the options of `warmroute simulate` to what the library is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from cli.interruption import Silent, interruptible
from cli.simulation.options import SimulationOptions
from router import Flag, RouterConfig, UsageError, parse_duration

if TYPE_CHECKING:
    from router import Churn, Daemon, Placement, SimulatedKey, Simulation, Traffic

__all__ = ["question"]

_Value = TypeVar("_Value")

_MOST_BUILDS = 1_000_000


def question(options: SimulationOptions, config: RouterConfig) -> Simulation:
    """Return what to simulate. Raises ``UsageError``; ``UnreachableError`` where a fleet can't be listed."""
    from router import Simulation

    keys = _keys(options)
    traffic, churn = _traffic(options, keys), _churn(options)
    migration = _migration(options, config.placement)
    counts = _counts(options)
    daemons = _daemons(options, config)
    return Simulation(
        daemons=daemons,
        keys=keys,
        placement=config.placement,
        max_builds=config.max_builds,
        spill=config.spill,
        queue=config.queue,
        retries=config.retries,
        traffic=traffic,
        churn=churn,
        scale=_scale(daemons, counts),
        migration=migration,
        seed=_whole("--seed", options.seed),
    )


def _keys(options: SimulationOptions) -> tuple[SimulatedKey, ...]:
    from router import Key, SimulatedKey, invented_keys, read_keys

    if options.given and options.keys:
        raise UsageError(
            f"keys are given twice, as arguments ({', '.join(options.given)}) and by --keys {options.keys}",
            hint="leave out one of them",
        )
    if options.given:
        names = dict.fromkeys(Key.own(text).key for text in options.given)
        return tuple(SimulatedKey(key=name) for name in names)
    if not options.keys:
        raise UsageError(
            "there are no keys to simulate",
            hint="name some: warmroute simulate KEY...; or --keys FILE; or --keys 1000 for invented ones",
        )
    if options.keys.isdigit():
        return invented_keys(options.keys)
    keys = _read("--keys", options.keys, read_keys)
    if not keys:
        raise UsageError(f"--keys {options.keys} has no keys", hint="write one on each line")
    return keys


def _daemons(options: SimulationOptions, config: RouterConfig) -> tuple[Daemon, ...]:
    if options.daemons:
        return _named(options.daemons)
    from router import BuildRouter, NoDaemonError, unhindered

    with BuildRouter(config) as router, interruptible(Silent(heeds=False)):
        daemons = unhindered(router.fleet.daemons())
    if not daemons:
        raise NoDaemonError(f"no {router.fleet.describe()}", hint="or name daemons: --daemons 6")
    return daemons


def _named(texts: list[str]) -> tuple[Daemon, ...]:
    from router import parse_daemon_names, read_daemon_names

    files = [text for text in texts if text.startswith("@")]
    if files and len(texts) > 1:
        raise UsageError("--daemons names a file and more", hint="put all daemons into the file")
    daemons = (
        _read("--daemons", files[0].removeprefix("@"), read_daemon_names)
        if files
        else parse_daemon_names(texts)
    )
    if not daemons:
        raise UsageError(f"--daemons {' '.join(texts)} names no daemons", hint="for example: --daemons 6")
    return daemons


def _read(name: str, path: str, read: Callable[[Iterable[bytes], str], _Value]) -> _Value:
    try:
        with open("/dev/stdin" if path == "-" else path, "rb") as file:
            return read(file, "stdin" if path == "-" else path)
    except OSError as exc:
        raise UsageError(
            f"can't read {name} {path}: {(exc.strerror or str(exc)).lower()}",
            hint="a number stands for invented ones, everything else is a file",
        ) from exc


def _counts(options: SimulationOptions) -> tuple[int, int] | None:
    from router import parse_scale

    return parse_scale(options.scale) if options.scale else None


def _scale(
    daemons: tuple[Daemon, ...], counts: tuple[int, int] | None
) -> tuple[tuple[Daemon, ...], tuple[Daemon, ...]] | None:
    from router import scaled

    return (scaled(daemons, counts[0]), scaled(daemons, counts[1])) if counts else None


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
    from router import Traffic

    builds = _whole("--builds", options.builds)
    if builds > _MOST_BUILDS:
        raise UsageError(f"--builds {builds} is too many", hint=f"at most {_MOST_BUILDS} can be simulated")
    rated = any(key.rate is not None for key in keys)
    every = _seconds("--every", options.every) if options.every else None if rated else 10.0
    if every == 0:
        raise UsageError("--every is 0", hint="for example: --every 10s")
    return Traffic(
        builds=builds,
        every=every,
        cold=_seconds("--cold", options.cold),
        warm=_seconds("--warm", options.warm),
        zipf=options.zipf,
    )


def _churn(options: SimulationOptions) -> Churn:
    from router import Churn

    return Churn(
        every=_seconds("--restart-every", options.restart_every),
        takes=_seconds("--restart-takes", options.restart_takes),
        keeps_cache=not options.cold_restarts,
    )


def _seconds(name: str, text: str) -> float:
    return parse_duration(text, Flag(name=name, example="30s"))


def _whole(name: str, number: float) -> int:
    if not float(number).is_integer():
        raise UsageError(f"{name} {number:g} is no whole number", hint=f"for example: {name} 4")
    return int(number)
