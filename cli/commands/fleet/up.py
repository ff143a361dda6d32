"""`warmroute fleet up`: create or change a fleet on Kubernetes."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import router as library
from cli.commands.fleet.remembering import remember, tell_forgotten
from cli.commands.fleet.telling import counted, waiting, write_json
from cli.fleet_options import (
    DEFAULT_FLEET,
    AccessOptions,
    ClusterRouting,
    FleetName,
    MakingOptions,
    ShapeOptions,
)
from cli.given.fleets import fleet_spec
from cli.given.routing import router_config
from cli.interruption import Silent, interruptible
from cli.options import FormatDisplay
from router import UsageError

if TYPE_CHECKING:
    from router import FleetCluster, FleetMade, FleetSpec

__all__ = ["command"]


def command(
    fleet: FleetName,
    shape: ShapeOptions,
    making: MakingOptions,
    routing: ClusterRouting,
    display: FormatDisplay,
) -> None:
    """Make a fleet of buildkitd daemons on Kubernetes, or change one, and wait until it is ready."""
    config = router_config(routing)
    name = fleet.name or DEFAULT_FLEET
    as_json = display.format == "json"
    if making.print:
        if as_json:
            raise UsageError(
                "--print and --format json exclude each other",
                hint="--print prints YAML, which is for kubectl",
            )
        _print(_spec(name, library.fleet_namespace(config), shape, making))
        return
    # Once: a kubeconfig may be a pipe.
    cluster = library.find_cluster(config)
    spec = _spec(name, cluster.namespace, shape, making)
    made, reach = _make(spec, cluster, making, shape.access)
    given = {
        "kube-context": config.kube_context or "",
        "kubeconfig": cluster.kubeconfig if cluster.lasting else "",
    }
    options = {"selector": spec.selector, "namespace": spec.namespace, **given, **reach}
    needed = {name: value for name, value in options.items() if value}
    ready = f"the fleet {spec.name} is ready: {counted(made.pods)}"
    if as_json:
        sys.stderr.write(f"{ready}\n")
        write_json(_values(spec, made, needed))
    else:
        sys.stderr.write(f"{ready}; build with\n")
        _tell_how_to_build(needed)
    if cluster.lasting:
        remember(spec.name, {**library.fleet_settings(cluster, spec), **reach})
    else:
        tell_forgotten(cluster.kubeconfig)


def _spec(name: str, namespace: str, shape: ShapeOptions, making: MakingOptions) -> FleetSpec:
    spec = fleet_spec(name, namespace, shape)
    return library.replace(spec, create_namespace=making.create_namespace)


def _make(
    spec: FleetSpec, cluster: FleetCluster, making: MakingOptions, access: AccessOptions
) -> tuple[FleetMade, Mapping[str, str]]:
    """Make the fleet; return what was made, and the options that reaching its daemons takes."""
    secrets: tuple[dict[str, Any], ...] = ()
    reach: Mapping[str, str] = {}
    with interruptible(Silent(heeds=False)) as cancellation, library.open_cluster(cluster) as objects:
        if spec.access.mtls:
            folder = os.path.abspath(access.certificates or f"{spec.name}-certificates")
            issued = library.make_certificates(objects, spec, folder)
            spec = library.replace(spec, access=library.replace(spec.access, certificates=issued.digest))
            secrets = (issued.secret,)
            reach = {"via": spec.access.via, "tls-dir": issued.client, "tls-server-name": issued.server_name}
        wanted = library.FleetWanted(spec=spec, secrets=secrets, force=making.force_conflicts)
        made = library.bring_up(objects, wanted, waiting(making.ready_within, cancellation))
    return made, reach


def _print(spec: FleetSpec) -> None:
    sys.stdout.write(library.manifests_as_yaml(library.manifests(spec)))
    if spec.access.mtls:
        sys.stderr.write(
            f"the Secret {spec.name}-tls is left out: it has a private key, and is made without --print\n"
        )


def _tell_how_to_build(options: Mapping[str, str]) -> None:
    """Write how to build on the fleet: options for people, variables for a shell."""
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    sys.stderr.write(f"  warmroute build {shlex.join(words)} --tag IMAGE .\nor set\n")
    sys.stderr.flush()
    for variable, value in _variables(options).items():
        sys.stdout.write(f"export {variable}={shlex.quote(value)}\n")
    sys.stdout.flush()


def _values(spec: FleetSpec, made: FleetMade, options: Mapping[str, str]) -> dict[str, object]:
    return {
        "name": spec.name,
        "namespace": spec.namespace,
        "objects": [{"kind": each.kind, "name": each.name, "state": each.state} for each in made.objects],
        "daemons": [pod.name for pod in made.pods],
        "environment": _variables(options),
    }


def _variables(options: Mapping[str, str]) -> dict[str, str]:
    """Return the options as the variables that warmroute reads."""
    return {"WARMROUTE_" + name.upper().replace("-", "_"): value for name, value in options.items()}
