"""From the options of `warmroute fleet` to the library's value of a fleet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cli.fleet_options import AccessOptions, PodOptions, ShapeOptions, SizeOptions
from cli.given.files import GivenFiles
from router import (
    AccessSpec,
    Flag,
    FleetSpec,
    PodSpec,
    Quantity,
    StateSpec,
    UsageError,
    parse_duration,
    parse_pairs,
    parse_quantities,
    parse_quantity,
    parse_tolerations,
)

__all__ = ["fleet_spec", "replicas_of"]

_NODE_SELECTOR = Flag(name="--node-selector", example="disk=nvme")
_LABEL = Flag(name="--pod-label", example="team=build")
_ANNOTATION = Flag(name="--pod-annotation", example="warmroute.dev/max-builds=4")
_ENV = Flag(name="--env", example="GODEBUG=netdns=go", secret=True)
_REQUEST = Flag(name="--requests", example="cpu=2,memory=4Gi")
_LIMIT = Flag(name="--limits", example="memory=8Gi")
_STORAGE = Flag(name="--storage", example="50Gi")
_GRACE = Flag(name="--grace-period", example="30m")
_MEMORY = Flag(name="--memory-volume", example="8Gi")


def fleet_spec(name: str, namespace: str, shape: ShapeOptions) -> FleetSpec:
    """Return the fleet. Raises ``UsageError`` for an option that can't be read, or not together."""
    size, cache = shape.size, shape.cache
    spec = FleetSpec(
        name=name,
        namespace=namespace,
        replicas=replicas_of(size),
        architectures=tuple(_listed(size.arch)),
        state=StateSpec(
            storage=_size(cache.storage, _STORAGE),
            storage_class=cache.storage_class or "",
            memory=_size(cache.memory_volume, _MEMORY),
        ),
        pod=_pod(shape.pods),
        access=_access(shape.access),
    )
    return spec.checked()


def _pod(pods: PodOptions) -> PodSpec:
    return PodSpec(
        image=pods.image or "",
        rootless=pods.rootless,
        worker=pods.worker,
        requests={**PodSpec().requests, **parse_quantities(pods.requests or (), _REQUEST)},
        limits=parse_quantities(pods.limits or (), _LIMIT),
        node_selector=parse_pairs(pods.node_selector or (), _NODE_SELECTOR, commas=True),
        tolerations=parse_tolerations(pods.tolerations or ()),
        labels=parse_pairs(pods.labels or (), _LABEL),
        annotations=parse_pairs(pods.annotations or (), _ANNOTATION),
        environment=parse_pairs(pods.environment or (), _ENV),
        arguments=tuple(pods.flags or ()),
        service_account=pods.service_account or "",
        scheduler=pods.scheduler or "",
        config=GivenFiles().text(pods.config, "--config", "give a buildkitd.toml") if pods.config else "",
        grace=round(parse_duration(pods.grace_period, _GRACE)),
    )


def _access(access: AccessOptions) -> AccessSpec:
    if access.certificates and not access.mtls:
        raise UsageError("--certificates is for --mtls")
    return AccessSpec(
        builder=access.builder_account or "",
        via=access.builder_via or ("port-forward" if access.mtls else "exec"),
        mtls=access.mtls,
        closed=access.network_policy,
        allowed=tuple(_listed(access.allow_from)),
    )


def _listed(texts: Iterable[str] | None) -> Iterator[str]:
    return (part.strip() for text in texts or () for part in text.split(",") if part.strip())


def _size(text: str | None, flag: Flag) -> Quantity | None:
    return parse_quantity(text, flag) if text else None


def replicas_of(size: SizeOptions) -> int | None:
    """Return how many daemons are asked for, None where nothing is said. Raises ``UsageError``."""
    number = size.replicas
    if number is None:
        return None
    if not float(number).is_integer():
        raise UsageError(f"--replicas {number:g} is not a whole number", hint="for example: --replicas 3")
    return int(number)
