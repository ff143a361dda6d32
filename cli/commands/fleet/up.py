"""`warmroute fleet up`: a fleet on Kubernetes, made or brought to what is wanted of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.commands.fleet.remembering import remember
from cli.commands.fleet.telling import tell
from cli.fleet_options import ClusterRouting, FleetName, MakingOptions, ShapeOptions
from cli.given.fleets import fleet_spec
from cli.given.routing import router_config
from cli.interruption import Silent, interruptible

if TYPE_CHECKING:
    from router import FleetSpec, RouterConfig

__all__ = ["command"]


def command(fleet: FleetName, shape: ShapeOptions, making: MakingOptions, routing: ClusterRouting) -> None:
    """Make a fleet of buildkitd daemons on Kubernetes, or change one, and wait until it is ready."""
    from router import Flag, fleet_namespace, parse_duration, replace

    config = router_config(routing)
    spec = fleet_spec(fleet.name, fleet_namespace(config), shape)
    spec = replace(spec, create_namespace=making.create_namespace)
    if making.print:
        _print(spec)
    else:
        seconds = parse_duration(making.ready_within, Flag(name="--ready-within", example="10m"))
        _make(spec, config, seconds, force=making.force_conflicts)


def _make(spec: FleetSpec, config: RouterConfig, seconds: float, *, force: bool) -> None:
    from router import FleetWait, FleetWanted, bring_up, fleet_settings, open_cluster

    with open_cluster(config) as objects, interruptible(Silent(heeds=False)) as cancellation:
        waiting = FleetWait(seconds=seconds, tell=tell, cancellation=cancellation)
        rows = bring_up(objects, FleetWanted(spec=spec, force=force), waiting)
    sys.stderr.write(
        f"the fleet {spec.name} is ready: {len(rows)} daemon{'' if len(rows) == 1 else 's'}; build with\n"
        f"  warmroute build {shlex.join(_options(spec, config))} --tag IMAGE .\n"
        "or set\n"
    )
    sys.stdout.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in _variables(spec, config))
    sys.stdout.flush()
    remember(spec.name, fleet_settings(config, spec))


def _print(spec: FleetSpec) -> None:
    from router import manifests, manifests_as_yaml

    sys.stdout.write(manifests_as_yaml(manifests(spec)))


def _variables(spec: FleetSpec, config: RouterConfig) -> Iterator[tuple[str, str]]:
    """Yield what a build needs to know of the fleet, by the names of the variables."""
    yield "WARMROUTE_SELECTOR", spec.selector
    yield "WARMROUTE_NAMESPACE", spec.namespace
    if config.kube_context:
        yield "WARMROUTE_KUBE_CONTEXT", config.kube_context
    if config.kubeconfig:
        yield "WARMROUTE_KUBECONFIG", config.kubeconfig


def _options(spec: FleetSpec, config: RouterConfig) -> Iterator[str]:
    for name, value in _variables(spec, config):
        yield "--" + name.removeprefix("WARMROUTE_").lower().replace("_", "-")
        yield value
