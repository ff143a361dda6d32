"""What there is of a fleet in its namespace."""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import FleetError, UsageError
from router.model.frozen import frozen
from router.provision.contract import Objects
from router.provision.kinds import CLAIM, KINDS, NODE, POD
from router.provision.manifests import Object
from router.provision.pod_rows import PodRow, pod_rows
from router.provision.rollout import Workload, is_settled, no_pods_because
from router.provision.spec import FLEET_LABEL
from router.untrusted_json import integer, text

__all__ = ["FleetState", "PoolState", "fleet_states", "pools_of"]


@frozen
class PoolState:
    """A StatefulSet or DaemonSet: the daemons it wants and has ready; ``reason`` is why it has none."""

    name: str
    wanted: int
    ready: int
    settled: bool
    reason: str = ""


@frozen
class FleetState:
    """A fleet as it is now."""

    name: str
    namespace: str
    pools: tuple[PoolState, ...]
    pods: tuple[PodRow, ...]

    @property
    def ready(self) -> bool:
        """Whether every daemon is there, of the latest template, and ready."""
        return all(pool.settled for pool in self.pools) and all(pod.ready for pod in self.pods)


def fleet_states(kube: Objects, name: str | None = None) -> tuple[FleetState, ...]:
    """Return the fleets of the namespace, or the one of a name, by names.

    Raises ``UsageError`` where there is none of that name.
    """
    pools = pools_of(kube, name)
    names = sorted({text(each, "metadata", "labels", FLEET_LABEL) for _, each in pools})
    claims = kube.list(CLAIM, labels=_labelled(name)) if names else ()
    nodes = _nodes(kube) if names else ()
    return tuple(
        FleetState(
            name=fleet,
            namespace=kube.namespace,
            pools=tuple(_pool(kube, workload, each) for workload, each in pools if _is_of(each, fleet)),
            pods=pod_rows(kube.list(POD, labels=f"app={fleet}"), claims, nodes),
        )
        for fleet in names
    )


def pools_of(kube: Objects, name: str | None) -> list[tuple[Workload, Object]]:
    """Return the workloads of a fleet, or of all. Raises ``UsageError`` where there is none of that name."""
    found = [
        (Workload(kind=kind, name=text(each, "metadata", "name")), {**each, "kind": kind.name})
        for kind in (KINDS["StatefulSet"], KINDS["DaemonSet"])
        for each in kube.list(kind, labels=_labelled(name))
    ]
    if name is not None and not found:
        raise no_such_fleet(kube, name)
    return found


def no_such_fleet(kube: Objects, name: str) -> UsageError:
    """Return the error for a name that no fleet has, with those that there are."""
    others = sorted({text(each, "metadata", "labels", FLEET_LABEL) for _, each in pools_of(kube, None)})
    there = f"; there are {', '.join(others)}" if others else ""
    return UsageError(
        f"there is no fleet {name} in namespace {kube.namespace}{there}",
        hint=f"warmroute fleet up {name} --namespace {kube.namespace}",
    )


def _labelled(name: str | None) -> str:
    return FLEET_LABEL if name is None else f"{FLEET_LABEL}={name}"


def _is_of(each: Object, fleet: str) -> bool:
    return text(each, "metadata", "labels", FLEET_LABEL) == fleet


def _pool(kube: Objects, workload: Workload, each: Object) -> PoolState:
    fields = {
        "StatefulSet": (("spec", "replicas"), ("status", "readyReplicas")),
        "DaemonSet": (("status", "desiredNumberScheduled"), ("status", "numberReady")),
    }
    wanted, ready = (integer(each, *path) or 0 for path in fields[workload.kind.name])
    settled = is_settled(each)
    return PoolState(
        name=workload.name,
        wanted=wanted,
        ready=ready,
        settled=settled,
        reason="" if settled or ready else no_pods_because(kube, workload),
    )


def _nodes(kube: Objects) -> Sequence[Object]:
    try:
        return kube.list(NODE)
    except FleetError:
        return ()  # nodes are the cluster's: not everybody may read them
