"""Finding daemons: each way is one small module behind the ``Fleet`` Protocol.

A fleet only lists. Which of its daemons takes a build is decided by ``placement``, and whether one
answers shows when ``transport`` dials it.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import NoDaemonError, UsageError
from router.fleet.contract import Fleet, FleetOptions
from router.model.address import NamedAddress

__all__ = ["Fleet", "FleetOptions", "discover"]


def discover(options: FleetOptions) -> Fleet:
    """Choose where to look: ``addresses``, ``selector``, ``host``, the local Docker engine.

    Raises NoDaemonError, which lists all that was looked for, where none of them is there; UsageError
    where two were asked for at once or one is wrong. Nothing is connected yet.
    """
    if options.addresses and options.selector:
        raise UsageError("--addr and --selector exclude each other", hint="leave out one of them")
    if options.identity.kind != "name" and not options.selector:
        raise UsageError(
            "--identity needs a --selector: only pods have one",
            hint="give an address an identity by naming it, as in --addr NAME=URL",
        )
    if options.addresses:
        return _named(options.addresses, "--addr", options)
    if options.selector:
        from router.fleet.kubernetes import KubernetesFleet

        return KubernetesFleet(options)
    if options.host:
        return _named((options.host,), "BUILDKIT_HOST", options)
    from router.fleet.docker import DockerFleet

    engine = DockerFleet(options.environment)
    if engine.exists:
        return engine
    raise NoDaemonError(
        "no BuildKit daemon is named: no --fleet, no --selector, no --addr, no BUILDKIT_HOST, "
        f"and no Docker engine (no DOCKER_HOST, no docker context, no {engine.endpoint.host})",
        hint="--selector app=buildkitd finds pods in Kubernetes, --addr tcp://HOST:1234 names a daemon",
    )


def _named(addresses: Sequence[NamedAddress], source: str, options: FleetOptions) -> Fleet:
    from router.fleet.static import StaticFleet

    return StaticFleet(addresses, source=source, timeout=options.timeout)
