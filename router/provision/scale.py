"""`fleet scale`: a fleet with more daemons, or with fewer."""

from __future__ import annotations

from router.errors import UsageError
from router.provision.contract import Objects
from router.provision.found import pools_of
from router.provision.kinds import POD
from router.provision.outcome import FleetScaled, PoolChange
from router.provision.rights import require_rights
from router.provision.rollout import FleetWait, await_daemons
from router.provision.step import FleetStep, told_as
from router.untrusted_json import integer, member

__all__ = ["scale_fleet"]


def scale_fleet(kube: Objects, name: str, replicas: int, waiting: FleetWait) -> FleetScaled:
    """Give each pool of a fleet so many daemons, and wait for it.

    The last ones go first, each when its builds have ended; their volumes stay. Raises ``UsageError`` where
    there is no such fleet, ``FleetError``.
    """
    pools = pools_of(kube, name)
    for workload, _ in pools:
        if workload.kind.name == "DaemonSet":
            raise UsageError(
                f"the fleet {name} has one daemon for each node: it grows and shrinks with the nodes"
            )
    kind = pools[0][0].kind
    require_rights(kube, [("patch", kind, "scale"), ("list", POD, "")], f"scale the fleet {name}")
    with told_as(
        f"scaling the fleet {name}", lambda: "it goes on by itself; warmroute fleet status shows it"
    ):
        changes: list[PoolChange] = []
        for workload, each in pools:
            now = integer(each, "spec", "replicas") or 0
            if now != replicas:
                kube.scale(workload.kind, workload.name, replicas)
            changes.append(PoolChange(name=workload.name, before=now, after=replicas))
            detail = _of_volumes(each, now, replicas)
            waiting.tell(FleetStep(subject=workload.name, state=_said(now, replicas), detail=detail))
        pods = await_daemons(kube, name, [workload for workload, _ in pools], waiting)
    return FleetScaled(pools=tuple(changes), pods=pods)


def _said(now: int, replicas: int) -> str:
    return f"has {now} daemons already" if now == replicas else f"goes from {now} to {replicas} daemons"


def _of_volumes(each: object, now: int, replicas: int) -> str:
    if replicas < now and member(each, "spec", "volumeClaimTemplates"):
        return "the volumes of those that go stay, for when they come back"
    return ""
