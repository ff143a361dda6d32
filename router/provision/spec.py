"""The specification of a fleet: everything that its manifests depend on, as one value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from router.errors import UsageError
from router.flags.toleration import Toleration
from router.model.frozen import field, frozen
from router.notation.gc_policy import WorkerName
from router.notation.quantity import Quantity

__all__ = [
    "DEFAULT_REPLICAS",
    "FLEET_LABEL",
    "AccessSpec",
    "BuilderVia",
    "FleetSpec",
    "PodSpec",
    "StateSpec",
    "check_name",
]

# On every object of a fleet: what `status` and `down` find it by.
FLEET_LABEL = "warmroute.dev/fleet"
DEFAULT_REPLICAS = 3

BuilderVia = Literal["exec", "port-forward", "pod-ip"]

_IMAGE = "moby/buildkit:v0.32.1"
_ARCHITECTURES = ("amd64", "arm64", "arm", "386", "ppc64le", "riscv64", "s390x")
# A pod's label names its StatefulSet with a revision behind it, in 63 characters.
_LONGEST_NAME = 40


# What CPU and memory a daemon is sure to get; builds come in bursts.
_REQUESTS: Mapping[str, Quantity] = {
    "cpu": Quantity(text="500m", value=Fraction(1, 2)),
    "memory": Quantity(text="512Mi", value=Fraction(512 << 20)),
}


@frozen
class StateSpec:
    """Where a daemon's cache is: on a volume of ``storage``, in memory, or in the pod's own directory."""

    storage: Quantity | None = None
    storage_class: str = ""
    memory: Quantity | None = None

    @property
    def size(self) -> int | None:
        """The bytes that there are, as far as they are known."""
        found = self.storage or self.memory
        return None if found is None else int(found.value)


@frozen
class PodSpec:
    """The pod of each daemon; ``config`` is the text of a buildkitd.toml, ``grace`` seconds."""

    image: str = ""
    rootless: bool = False
    worker: WorkerName = "oci"
    requests: Mapping[str, Quantity] = field(default_factory=lambda: _REQUESTS)
    limits: Mapping[str, Quantity] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    arguments: tuple[str, ...] = ()
    service_account: str = ""
    scheduler: str = ""
    config: str = ""
    grace: int = 900

    @property
    def used_image(self) -> str:
        """The image, where none is given the one that goes with the other options."""
        return self.image or (f"{_IMAGE}-rootless" if self.rootless else _IMAGE)


@frozen
class AccessSpec:
    """Access for builds, and the way to the daemons; ``builder`` is their account, empty for the default.

    ``certificates`` is a digest of the daemons' certificates: pods that have others are replaced.
    ``closed`` asks for a network policy, which lets in the namespaces of ``allowed``.
    """

    builder: str = ""
    via: BuilderVia = "exec"
    mtls: bool = False
    certificates: str = ""
    closed: bool = False
    allowed: tuple[str, ...] = ()


@frozen
class FleetSpec:
    """A fleet. With ``architectures`` it has a pool of ``replicas`` daemons for each of them.

    ``replicas`` None leaves a fleet that is there as large as it is; a new one gets three.
    """

    name: str
    namespace: str
    replicas: int | None = None
    architectures: tuple[str, ...] = ()
    create_namespace: bool = False
    state: StateSpec = StateSpec()
    pod: PodSpec = PodSpec()
    access: AccessSpec = AccessSpec()

    @property
    def selector(self) -> str:
        """The label selector that names the fleet's pods."""
        return f"app={self.name}"

    @property
    def builder(self) -> str:
        """The account of those that build."""
        return self.access.builder or f"{self.name}-builder"

    @property
    def pools(self) -> tuple[tuple[str, str], ...]:
        """The name and the architecture, if there is one, of each StatefulSet."""
        return tuple((f"{self.name}-{each}", each) for each in self.architectures) or ((self.name, ""),)

    def checked(self) -> FleetSpec:
        """Return it as it is. Raises ``UsageError`` for what can't be made, or not together."""
        check_name(self.name)
        unknown = [each for each in self.architectures if each not in _ARCHITECTURES]
        if unknown:
            raise UsageError(
                f'invalid --arch "{unknown[0]}": choose from {", ".join(_ARCHITECTURES)}',
                hint="for example: --arch amd64,arm64",
            )
        if len(set(self.architectures)) < len(self.architectures):
            raise UsageError(f"--arch {','.join(self.architectures)} names one twice")
        if self.state.storage and self.state.memory:
            raise UsageError("--storage and --memory-volume exclude each other")
        if self.state.storage_class and not self.state.storage:
            raise UsageError("--storage-class needs --storage, the size", hint="for example: --storage 50Gi")
        if self.access.allowed and not (self.access.closed and self.access.mtls):
            raise UsageError(
                "--allow-from needs --network-policy and --mtls: without them the daemons have no open port"
            )
        if self.access.via != "exec" and not self.access.mtls:
            raise UsageError(
                f"--builder-via {self.access.via} needs --mtls: without it the daemons have no port",
                hint="leave it out: builds travel over pods/exec",
            )
        for reserved in ("app", "arch", FLEET_LABEL):
            if reserved in self.pod.labels:
                raise UsageError(f"--pod-label {reserved} is not possible: the fleet sets it itself")
        return self._checked_worker() if self.pod.worker == "containerd" else self

    def _checked_worker(self) -> FleetSpec:
        """Refuse options that have no meaning on the node's own containerd."""
        refused = {
            "--rootless": self.pod.rootless,
            "--storage": self.state.storage is not None,
            "--memory-volume": self.state.memory is not None,
            "--arch": bool(self.architectures),
        }
        for name, given in refused.items():
            if given:
                raise UsageError(
                    f"--worker containerd and {name} exclude each other: it is one daemon for each node,"
                    " with the node's own store"
                )
        return self


def check_name(name: str) -> str:
    """Return a fleet's name. Raises ``UsageError`` for one that Kubernetes would refuse in some object."""
    if not re.fullmatch(r"(?a)[a-z]([a-z0-9-]*[a-z0-9])?", name) or len(name) > _LONGEST_NAME:
        raise UsageError(
            f'invalid name of a fleet "{name}": it consists of a-z, 0-9 and -, begins with a letter,'
            f" ends with a letter or a digit, and has {_LONGEST_NAME} characters at most",
            hint="for example: ci",
        )
    return name
