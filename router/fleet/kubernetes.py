"""The buildkitd pods that a label selector names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.cancellation import Cancellation
from router.errors import FleetError, UsageError
from router.fleet.contract import FleetOptions, Sighting, WatchedFleet
from router.kubernetes.api import KubeApi
from router.kubernetes.clients import KubeClients
from router.kubernetes.config import KubeSource, KubeTarget
from router.kubernetes.listing import Asked, Found, find_pods
from router.kubernetes.members import Listed
from router.kubernetes.pods import Reach, daemons_of
from router.model.daemon import Daemon
from router.net.deadline import Deadline
from router.retry import retrying

__all__ = ["KubernetesFleet"]


class KubernetesFleet(WatchedFleet):
    """Pods matching ``options.selector``. The kubeconfig is read when it is first needed."""

    def __init__(self, options: FleetOptions) -> None:
        if not options.selector:
            raise UsageError("a label selector is empty", hint="--selector app=buildkitd")
        self._options = options
        self._clients = options.kube or KubeClients()

    @property
    def hint(self) -> str | None:
        """The kubectl command that lists the same pods."""
        return self._asked.hint

    def daemons(self) -> Sequence[Daemon]:
        """List the pods, ready or not, and missing members. Raises FleetError, UsageError, ToolError."""
        deadline = Deadline(self._options.timeout)
        api = self._api

        def listed() -> Found:
            try:
                return find_pods(api, self._asked, deadline, keep=self._options.kube is not None)
            except FleetError as exc:
                exc.temporary = exc.temporary and not deadline.passed
                raise

        return self._read(retrying(listed))

    def sightings(self, deadline: Deadline, cancellation: Cancellation) -> Iterator[Sighting]:
        """List the pods, then watch them: yield what is seen, at each change. See ``WatchedFleet``."""
        from router.fleet.following import PodFollower

        follower = PodFollower(self._api, self._asked, timeout=self._options.timeout)
        return follower.sightings(self._read, deadline, cancellation)

    def describe(self) -> str:
        """Name the selector and the namespace."""
        return self._asked.fleet

    @property
    def _api(self) -> KubeApi:
        options = self._options
        source = KubeSource(
            environment=options.environment, kubeconfig=options.kubeconfig, context=options.kube_context
        )
        return self._clients.api(source)

    @property
    def _target(self) -> KubeTarget:
        return self._api.target

    @property
    def _asked(self) -> Asked:
        options = self._options
        return Asked(
            namespace=options.namespace or self._target.namespace,
            selector=options.selector or "",
            kube_context=options.kube_context,
        )

    def _read(self, found: Found) -> Sequence[Daemon]:
        target = self._target
        # Out of a cluster pod IPs can rarely be reached, whatever the pods declare.
        pod_ip = self._options.pod_ip if target.in_cluster or self._options.pod_ip else False
        reach = Reach(namespace=self._asked.namespace, context=target.context or None, pod_ip=pod_ip)
        listed = Listed(pods=found.pods.pods, known=found.known, selector=self._options.selector or "")
        return daemons_of(listed, reach, self._options.identity)
