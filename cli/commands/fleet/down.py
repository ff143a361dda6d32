"""`warmroute fleet down`: a fleet taken away."""

from __future__ import annotations

import sys

from cli.commands.fleet.telling import waiting
from cli.fleet_options import ClusterRouting, NamedFleet, ReadyWithin, RemovalOptions
from cli.given.routing import router_config
from cli.interruption import Silent, interruptible

__all__ = ["command"]


def command(fleet: NamedFleet, removal: RemovalOptions, making: ReadyWithin, routing: ClusterRouting) -> None:
    """Remove a fleet, each daemon when its builds have ended. Its volumes stay, unless --volumes is given."""
    from router import open_cluster, take_down

    with open_cluster(router_config(routing)) as objects, interruptible(Silent(heeds=False)) as cancellation:
        kept = take_down(
            objects, fleet.name, waiting(making.ready_within, cancellation), volumes=removal.volumes
        )
    sys.stderr.write(f"the fleet {fleet.name} is gone\n")
    if kept:
        sys.stderr.write(
            f"{len(kept)} volume{' stays' if len(kept) == 1 else 's stay'}, with the caches on them, for the"
            f" next fleet {fleet.name}: {', '.join(kept)}\n"
        )
