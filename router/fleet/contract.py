"""What a way to find daemons is, and what it may be told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from router.cancellation import Cancellation
from router.errors import FleetError
from router.kubernetes.clients import KubeClients
from router.model.address import NamedAddress
from router.model.daemon import Daemon
from router.model.frozen import field, frozen
from router.model.identity import Identity
from router.net.deadline import Deadline

__all__ = ["Fleet", "FleetOptions", "Sighting", "WatchedFleet"]


class Fleet(Protocol):
    """Daemons that belong together, found in one way."""

    @property
    def hint(self) -> str | None:
        """What a person can run or look at to see the same daemons, None where there is nothing."""

    def daemons(self) -> Sequence[Daemon]:
        """List them, also those that are not ready; an empty sequence where nothing matches.

        Raises FleetError where they can't be listed, UsageError where what was given is wrong.
        """

    def describe(self) -> str:
        """Name the fleet within a sentence: ``buildkitd pods matching app=buildkitd in namespace ci``."""


@frozen
class Sighting:
    """What was seen of a fleet at one moment: its daemons, or else a trouble that may pass."""

    daemons: tuple[Daemon, ...] = ()
    trouble: FleetError | None = None


class WatchedFleet(ABC):
    """What a fleet is as well that tells of changes by itself; others are listed again and again."""

    @abstractmethod
    def sightings(self, deadline: Deadline, cancellation: Cancellation) -> Iterator[Sighting]:
        """Yield what is seen at once, and again when it changes, until the deadline.

        Raises FleetError for what won't pass, UsageError, ToolError; CancelledError at once.
        """


@frozen
class FleetOptions:
    """Where to look. ``addresses`` are pairs of a name and an address or a name of DNS; ``selector`` is a
    Kubernetes label selector. ``host`` is what BUILDKIT_HOST holds, for who gives neither.

    ``namespace``, ``kube_context`` and ``kubeconfig`` None mean what kubectl would use. ``pod_ip`` says
    whether pods are dialled by their IP rather than through the API server; None: when this process runs
    in the cluster itself and the pod declares a port. ``identity`` says what of a pod placement hashes.
    ``kube`` is what the API servers are talked to with, for who shares it. ``timeout`` is seconds for one
    listing.
    """

    addresses: tuple[NamedAddress, ...] = ()
    selector: str | None = None
    host: NamedAddress | None = None
    namespace: str | None = None
    kube_context: str | None = None
    kubeconfig: str | None = None
    pod_ip: bool | None = None
    identity: Identity = Identity()
    kube: KubeClients | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
