"""`warmroute fleet down`: a fleet taken away."""

from __future__ import annotations

import sys

import router as library
from cli.commands.fleet.remembering import forget
from cli.commands.fleet.telling import waiting, write_json
from cli.consent import Consent, agreed, require_consent
from cli.fleet_options import ClusterRouting, NamedFleet, ReadyWithin, Removal
from cli.given.routing import router_config
from cli.interruption import Silent, interruptible

__all__ = ["command"]


def command(
    fleet: NamedFleet,
    removal: Removal,
    consent: Consent,
    making: ReadyWithin,
    routing: ClusterRouting,
) -> None:
    """Remove a fleet, each daemon when its builds have ended. Its volumes stay, unless --volumes is given."""
    if removal.volumes:
        require_consent(consent, "fleet down --volumes", hint="without --volumes the caches stay")
    cluster = library.find_cluster(router_config(routing))
    with interruptible(Silent(heeds=False)) as cancellation, library.open_cluster(cluster) as objects:
        spec = library.FleetSpec(name=fleet.name, namespace=objects.namespace)
        what = f"the fleet {spec.name} in namespace {spec.namespace}, and its volumes with the caches on them"
        if removal.volumes and not agreed(consent, what):
            return
        settings = library.fleet_settings(cluster, spec)
        try:
            removed = library.take_down(
                objects, fleet.name, waiting(making.ready_within, cancellation), volumes=removal.volumes
            )
        except library.FleetError as exc:
            if exc.reason == "claims-left":  # a second `fleet down` would find no fleet
                forget(spec.name, settings)
            raise
    sys.stderr.write(f"the fleet {fleet.name} is gone\n")
    if kept := removed.kept:
        sys.stderr.write(
            f"{len(kept)} volume{' stays' if len(kept) == 1 else 's stay'}, with the caches on them, for the"
            f" next fleet {fleet.name}: {', '.join(kept)}\n"
        )
    forget(spec.name, settings)
    if removal.display.format == "json":
        write_json(
            {
                "name": spec.name,
                "namespace": spec.namespace,
                "removed": [{"kind": each.kind, "name": each.name} for each in removed.objects],
                "keptVolumes": list(kept),
            }
        )
