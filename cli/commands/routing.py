"""From the routing and TLS options, which several commands share, to the library's config."""

from __future__ import annotations

from router.config import RouterConfig, tls_options
from router.errors import UsageError
from router.flags.address import parse_addresses
from router.flags.identity import parse_identity
from router.model.frozen import frozen
from router.model.routing import BackendName, Fallback, Placement, Via
from router.model.tls import TLSOptions

__all__ = ["Limits", "RoutingOptions", "TLSFlags", "router_config"]


@frozen
class TLSFlags:
    """The --tls options as given."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None
    directory: str | None = None


@frozen
class Limits:
    """The options that bound load, attempts and time, as given."""

    max_builds: float = 8
    queue: str | None = None
    retries: float = 2
    timeout: str | None = None


@frozen
class RoutingOptions:
    """The routing options as given."""

    addresses: list[str] | None = None
    selector: str | None = None
    namespace: str | None = None
    kube_context: str | None = None
    kubeconfig: str | None = None
    placement: Placement = "ring"
    backend: BackendName = "native"
    fallback: Fallback = "none"
    key: str | None = None
    via: Via = "auto"
    pod_port: float | None = None
    container: str | None = None
    connect_timeout: float = 10.0
    identity: str = "name"
    wait: str | None = None
    limits: Limits = Limits()
    tls: TLSFlags = TLSFlags()


def router_config(options: RoutingOptions) -> RouterConfig:
    """Return the config. Raises ``UsageError`` for an option that can't be read."""
    tls, limits = options.tls, options.limits
    return RouterConfig(
        addresses=parse_addresses(options.addresses or ()),
        selector=options.selector or "",
        namespace=options.namespace,
        kube_context=options.kube_context,
        kubeconfig=options.kubeconfig,
        placement=options.placement,
        backend=options.backend,
        fallback=options.fallback,
        key=options.key or "",
        via=options.via,
        pod_port=_port(options.pod_port),
        container=options.container,
        connect_timeout=options.connect_timeout,
        identity=parse_identity(options.identity),
        wait=_seconds("--wait", options.wait) if options.wait else 0.0,
        max_builds=_count("--max-builds", limits.max_builds),
        queue=_seconds("--queue", limits.queue) if limits.queue else 0.0,
        retries=_count("--retries", limits.retries),
        timeout=_seconds("--timeout", limits.timeout) if limits.timeout else None,
        tls=tls_options(
            TLSOptions(ca=tls.ca, cert=tls.cert, key=tls.key, server_name=tls.server_name), tls.directory
        ),
    )


def _seconds(name: str, text: str) -> float:
    from router.notation.duration import parse_duration  # few give one
    from router.notation.flag import Flag

    return parse_duration(text, Flag(name=name, example="2m"))


def _count(name: str, number: float) -> int:
    if not float(number).is_integer():
        raise UsageError(f"{name} {number:g} is no whole number", hint=f"for example: {name} 4")
    return int(number)


def _port(number: float | None) -> int | None:
    if number is None:
        return None
    if not (number.is_integer() and 0 < number < 65536):
        raise UsageError(f"--pod-port {number:g} is no port", hint="a port is between 1 and 65535")
    return int(number)
