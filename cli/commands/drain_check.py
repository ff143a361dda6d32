"""`warmroute drain-check`: whether a daemon may be stopped, for a preStop hook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import router as library
from cli.asking import chosen
from cli.given.routing import router_config
from cli.groups import OptionGroup, argument, option
from cli.interruption import Silent, interruptible
from cli.options import FleetRouting
from cli.render.foreign import own_line, printable
from cli.render.output import say
from router import RouterError, UsageError

if TYPE_CHECKING:
    from router import BuildRouter, Daemon

__all__ = ["command"]


class DrainOptions(OptionGroup, panel="Draining"):
    """Which daemon, and how long it has."""

    name: str | None = argument(
        "NAME", default=None, help="A daemon of the fleet. [dim]default: the only one.[/]"
    )
    wait_idle: str | None = option(
        "--wait-idle",
        default=None,
        metavar="DURATION",
        help="Wait this long for its builds to end. [dim]default: don't wait.[/]",
    )


def command(draining: DrainOptions, routing: FleetRouting) -> None:
    """Succeed if a daemon has no build in flight, else say how many it has, and fail."""
    seconds = _seconds(draining.wait_idle) if draining.wait_idle else 0.0
    config = router_config(routing)
    with library.BuildRouter(config) as router, interruptible(Silent(heeds=True)) as cancellation:
        daemon = _chosen(router, draining.name)
        builds = library.drain(
            daemon,
            router.dial_options,
            wait=seconds,
            on_change=lambda builds: say(f"{daemon.name} has {_counted(builds)} in flight"),
            cancellation=cancellation,
        )
    if builds:
        still = f" after {seconds:g} s" if seconds else ""
        raise RouterError(f"{daemon.name} has {_counted(builds)} in flight{still}", reason="busy")
    sys.stdout.write(f"{own_line(printable(daemon.name))} has no build in flight\n")


def _chosen(router: BuildRouter, name: str | None) -> Daemon:
    daemons = chosen(router.fleet.daemons(), [name] if name is not None else [], router)
    if len(daemons) > 1:
        names = ", ".join(daemon.name for daemon in daemons)
        raise UsageError(f"name the daemon to check: {names}", hint="warmroute drain-check NAME")
    return daemons[0]


def _counted(builds: int) -> str:
    return f"{builds} build{'' if builds == 1 else 's'}"


def _seconds(wait: str) -> float:
    return library.parse_duration(wait, library.Flag(name="--wait-idle", example="10m"))
