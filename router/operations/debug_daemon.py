"""Workers and versions of daemons, in BuildKit's own terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router._proto import worker_pb2 as pb
from router.errors import RpcError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.operations.each import Answer, ask_each
from router.rpc.grpc import Status
from router.solve.control import Control
from router.transport.options import DialOptions

__all__ = ["DaemonVersion", "Device", "GCRule", "Worker", "ask_info", "ask_workers", "workers_of"]


@frozen
class DaemonVersion:
    """The program's package, version and revision, and the version of its Dockerfile frontend."""

    package: str
    version: str
    revision: str
    dockerfile: str


@frozen
class GCRule:
    """One rule of a worker's garbage collection: nanoseconds and bytes, 0 where there is no limit."""

    all: bool
    filters: tuple[str, ...]
    keep_duration: int
    reserved_space: int
    max_used_space: int
    min_free_space: int


@frozen
class Device:
    """A device that steps can be given by its name in the Container Device Interface."""

    name: str
    auto_allow: bool
    on_demand: bool
    annotations: Mapping[str, str]


@frozen
class Worker:
    """One worker; ``platforms`` are architecture, operating system and variant."""

    id: str
    labels: Mapping[str, str]
    platforms: tuple[tuple[str, str, str], ...]
    gc_rules: tuple[GCRule, ...]
    version: DaemonVersion
    devices: tuple[Device, ...]


def ask_workers(daemons: Sequence[Daemon], options: DialOptions) -> tuple[Answer[tuple[Worker, ...]], ...]:
    """Return each daemon's workers, in the daemons' order. One that fails never hides the others.

    ``options.timeout`` is the deadline in seconds for connecting and for the answer.
    """
    return ask_each(daemons, options, workers_of)


def ask_info(daemons: Sequence[Daemon], options: DialOptions) -> tuple[Answer[DaemonVersion], ...]:
    """Return each daemon's version; as ``ask_workers``."""
    return ask_each(daemons, options, _info)


def workers_of(control: Control, timeout: float) -> tuple[Worker, ...]:
    """Ask one daemon for its workers, which may take ``timeout`` seconds."""
    return tuple(map(_worker, control.list_workers(timeout=timeout).record))


def _info(control: Control, timeout: float) -> DaemonVersion:
    try:
        return _version(control.info(timeout=timeout).buildkitVersion)
    except RpcError as exc:
        if exc.code != Status.UNIMPLEMENTED:
            raise
        raise RpcError(
            "the daemon is too old to tell its version",
            code=exc.code,
            hint="for a Docker engine: docker version",
        ) from exc


def _worker(record: pb.WorkerRecord) -> Worker:
    return Worker(
        id=record.ID,
        labels=dict(sorted(record.Labels.items())),
        platforms=tuple((each.Architecture, each.OS, each.Variant) for each in record.platforms),
        gc_rules=tuple(map(_rule, record.GCPolicy)),
        version=_version(record.BuildkitVersion),
        devices=tuple(map(_device, record.CDIDevices)),
    )


def _rule(policy: pb.GCPolicy) -> GCRule:
    return GCRule(
        all=policy.all,
        filters=tuple(policy.filters),
        keep_duration=policy.keepDuration,
        reserved_space=policy.reservedSpace,
        max_used_space=policy.maxUsedSpace,
        min_free_space=policy.minFreeSpace,
    )


def _device(device: pb.CDIDevice) -> Device:
    return Device(
        name=device.Name,
        auto_allow=device.AutoAllow,
        on_demand=device.OnDemand,
        annotations=dict(sorted(device.Annotations.items())),
    )


def _version(version: pb.BuildkitVersion) -> DaemonVersion:
    return DaemonVersion(
        package=version.package,
        version=version.version,
        revision=version.revision,
        dockerfile=version.dockerfileVersion,
    )
