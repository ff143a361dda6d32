"""What a way to find daemons is, and what it may be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from router.model.daemon import Daemon
from router.model.frozen import frozen

__all__ = ["Fleet", "FleetOptions"]


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
class FleetOptions:
    """Where to look. ``addresses`` are pairs of name and URL; ``selector`` is a Kubernetes label selector.

    ``namespace``, ``kube_context`` and ``kubeconfig`` None mean what kubectl would use. ``pod_ip`` says
    whether pods are dialled by their IP rather than through the API server; None: when this process runs
    in the cluster itself and the pod declares a port. ``timeout`` is seconds for one listing.
    """

    addresses: tuple[tuple[str, str], ...] = ()
    selector: str | None = None
    namespace: str | None = None
    kube_context: str | None = None
    kubeconfig: str | None = None
    pod_ip: bool | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
