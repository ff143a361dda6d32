"""From the routing and TLS options, which several commands share, to the library's config."""

from __future__ import annotations

import os

import router as library
from cli.options import RoutingOptions
from router import RouterConfig, TLSOptions, UsageError, parse_addresses, parse_identity, tls_options

__all__ = ["router_config"]


def router_config(options: RoutingOptions) -> RouterConfig:
    """Return the config. Raises ``UsageError`` for an option that can't be read."""
    fleet, home, reach, limits, tls = options.fleet, options.home, options.reach, options.limits, options.tls
    if options.grpc_engine == "grpcio":
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else it writes a log of its own to stderr
    return RouterConfig(
        addresses=parse_addresses(fleet.addresses or ()),
        selector=fleet.selector or "",
        namespace=fleet.namespace,
        kube_context=fleet.kube_context,
        kubeconfig=fleet.kubeconfig,
        placement=home.placement,
        backend=options.backend,
        fallback=options.fallback,
        key=home.key or "",
        via=reach.via,
        pod_port=_port(reach.pod_port),
        container=reach.container,
        connect_timeout=reach.connect_timeout,
        grpc_engine=options.grpc_engine,
        identity=parse_identity(reach.identity),
        wait=_seconds("--wait", options.wait) if options.wait else 0.0,
        max_builds=_count("--max-builds", limits.max_builds),
        spill=limits.spill,
        queue=_seconds("--queue", limits.queue) if limits.queue else 0.0,
        retries=_count("--retries", limits.retries),
        timeout=_seconds("--timeout", limits.timeout) if limits.timeout else None,
        tls=tls_options(
            TLSOptions(ca=tls.ca, cert=tls.cert, key=tls.key, server_name=tls.server_name), tls.directory
        ),
    )


def _seconds(name: str, text: str) -> float:
    return library.parse_duration(text, library.Flag(name=name, example="2m"))


def _count(name: str, number: float) -> int:
    if not float(number).is_integer():
        raise UsageError(f"{name} {number:g} is not a whole number", hint=f"for example: {name} 4")
    return int(number)


def _port(number: float | None) -> int | None:
    if number is None:
        return None
    if not (number.is_integer() and 0 < number < 65536):
        raise UsageError(f"--pod-port {number:g} is not a port", hint="a port is between 1 and 65535")
    return int(number)
