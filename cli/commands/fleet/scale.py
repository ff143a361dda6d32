"""`warmroute fleet scale`: a fleet with more daemons, or with fewer."""

from __future__ import annotations

import sys

import router as library
from cli.commands.fleet.telling import counted, waiting, write_json
from cli.fleet_options import ClusterRouting, NamedFleet, ReadyWithin, Replicas
from cli.given.fleets import replicas_of
from cli.given.routing import router_config
from cli.interruption import Silent, interruptible
from cli.options import FormatDisplay
from router import UsageError

__all__ = ["command"]


def command(
    fleet: NamedFleet, size: Replicas, making: ReadyWithin, routing: ClusterRouting, display: FormatDisplay
) -> None:
    """Give a fleet more daemons, or fewer, of each architecture; wait until they are ready, or gone."""
    replicas = replicas_of(size)
    if replicas is None:
        raise UsageError("--replicas is missing", hint="for example: warmroute fleet scale ci --replicas 5")
    with (
        interruptible(Silent(heeds=False)) as cancellation,
        library.open_cluster(library.find_cluster(router_config(routing))) as objects,
    ):
        scaled = library.scale_fleet(
            objects, fleet.name, replicas, waiting(making.ready_within, cancellation)
        )
        namespace = objects.namespace
    sys.stderr.write(f"the fleet {fleet.name} is ready: {counted(scaled.pods)}\n")
    if display.format == "json":
        write_json(
            {
                "name": fleet.name,
                "namespace": namespace,
                "pools": [
                    {"name": pool.name, "before": pool.before, "after": pool.after} for pool in scaled.pools
                ],
                "daemons": [pod.name for pod in scaled.pods],
            }
        )
