"""What daemons say of themselves as JSON, under the names that buildctl gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router import DaemonVersion, Worker

__all__ = ["version", "worker"]


def version(of: DaemonVersion) -> dict[str, str]:
    """Return a version; what is not known of it is empty."""
    return {
        "package": of.package,
        "version": of.version,
        "revision": of.revision,
        "dockerfileVersion": of.dockerfile,
    }


def worker(of: Worker) -> dict[str, object]:
    """Return a worker; durations are nanoseconds, sizes bytes."""
    return {
        "id": of.id,
        "labels": dict(of.labels),
        "platforms": [_platform(*platform) for platform in of.platforms],
        "gcPolicy": [
            {
                "all": rule.all,
                "filter": list(rule.filters),
                "keepDuration": rule.keep_duration,
                "reservedSpace": rule.reserved_space,
                "maxUsedSpace": rule.max_used_space,
                "minFreeSpace": rule.min_free_space,
            }
            for rule in of.gc_rules
        ],
        "buildkitVersion": version(of.version),
        "cdiDevices": [
            {
                "name": device.name,
                "autoAllow": device.auto_allow,
                "onDemand": device.on_demand,
                "annotations": dict(device.annotations),
            }
            for device in of.devices
        ],
    }


def _platform(architecture: str, os: str, variant: str) -> dict[str, str]:
    named = {"architecture": architecture, "os": os, "variant": variant}
    return {name: value for name, value in named.items() if value}
