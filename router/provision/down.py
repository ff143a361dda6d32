"""`fleet down`: a fleet taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from router.errors import FleetError
from router.net.deadline import Deadline
from router.provision.contract import Objects
from router.provision.found import no_such_fleet
from router.provision.kinds import CLAIM, KINDS, POD, Kind
from router.provision.manifests import WORKLOADS, Object
from router.provision.outcome import FleetRemoved, ObjectChange
from router.provision.pod_rows import pod_rows
from router.provision.rights import Right, require_rights
from router.provision.rollout import FleetWait
from router.provision.spec import FLEET_LABEL
from router.provision.step import FleetStep, told_as
from router.untrusted_json import text

__all__ = ["take_down"]

_POLL = 0.5
# A Namespace is not the fleet's alone.
_ITS_OWN = tuple(kind for kind in KINDS.values() if kind.namespaced)


def take_down(kube: Objects, name: str, waiting: FleetWait, *, volumes: bool = False) -> FleetRemoved:
    """Delete a fleet's objects, and wait until its pods are gone, which is when their builds have ended, and
    the volume claims too where they go.

    The volume claims stay, unless ``volumes`` says that they go too.
    Raises ``UsageError`` where there is nothing of such a fleet, ``FleetError``: its ``reason`` is
    ``claims-left`` where the claims alone are still there.
    """
    rights: list[Right] = [(verb, kind, "") for kind in _ITS_OWN for verb in ("list", "delete")]
    rights += [("list", POD, ""), ("list", CLAIM, "")] + ([("delete", CLAIM, "")] if volumes else [])
    require_rights(kube, rights, f"remove the fleet {name}")
    objects = [(kind, each) for kind in _ITS_OWN for each in kube.list(kind, labels=f"{FLEET_LABEL}={name}")]
    claims = kube.list(CLAIM, labels=f"{FLEET_LABEL}={name}")
    if not objects and not (claims and volumes):
        raise no_such_fleet(kube, name)
    with told_as(f"removing the fleet {name}", lambda: f"again: warmroute fleet down {name}"):
        deleted: list[ObjectChange] = []
        for kind, each in objects:
            if kind.name in WORKLOADS:
                deleted += _delete(kube, kind, each, waiting)
        _await_pods(kube, name, waiting)
        for kind, each in objects:
            if kind.name not in WORKLOADS:  # their builds needed it
                deleted += _delete(kube, kind, each, waiting)
        for each in claims if volumes else ():
            deleted += _delete(kube, CLAIM, each, waiting)
        if volumes and claims:
            _await_claims(kube, name, waiting)
    kept = () if volumes else tuple(text(each, "metadata", "name") for each in claims)
    return FleetRemoved(objects=tuple(deleted), kept=kept)


def _delete(kube: Objects, kind: Kind, each: Object, waiting: FleetWait) -> Iterator[ObjectChange]:
    """Delete an object; yield it unless it was gone already."""
    change = ObjectChange(kind=kind.name, name=text(each, "metadata", "name"), state="deleted")
    if kube.delete(kind, change.name):
        waiting.tell(FleetStep(subject=change.subject, state=change.state))
        yield change


def _await_pods(kube: Objects, name: str, waiting: FleetWait) -> None:
    def look() -> Sequence[str]:
        return [row.name for row in pod_rows(kube.list(POD, labels=f"app={name}"))]

    if left := _await_end(look, waiting, "stops when its builds have ended"):
        raise FleetError(
            f"pods of the fleet {name} still run after {waiting.seconds:g} s: {', '.join(left)}",
            hint=f"they stop when their builds have ended; to end those: kubectl delete pods"
            f" -n {kube.namespace} -l app={name} --grace-period=1",
            reason="not-ready",
        )


def _await_claims(kube: Objects, name: str, waiting: FleetWait) -> None:
    def look() -> Sequence[str]:
        found = kube.list(CLAIM, labels=f"{FLEET_LABEL}={name}")
        return [f"{CLAIM.name} {text(each, 'metadata', 'name')}" for each in found]

    if left := _await_end(look, waiting, "goes when no pod uses it"):
        raise FleetError(
            f"volume claims of the fleet {name} are still there after {waiting.seconds:g} s:"
            f" {', '.join(left)}",
            hint=f"the other objects are gone; pods that use a claim: kubectl describe pvc"
            f" -n {kube.namespace} -l {FLEET_LABEL}={name}",
            reason="claims-left",
        )


def _await_end(look: Callable[[], Sequence[str]], waiting: FleetWait, state: str) -> Sequence[str]:
    """Wait until ``look`` finds no objects; report each that goes, return those left."""
    deadline = Deadline(waiting.seconds)
    before: set[str] = set()
    while left := look():
        for each in left:
            if each not in before:
                waiting.tell(FleetStep(subject=each, state=state))
        for each in sorted(before.difference(left)):
            waiting.tell(FleetStep(subject=each, state="gone"))
        before = set(left)
        if deadline.passed:
            return left
        waiting.cancellation.sleep(_POLL)
    for each in sorted(before):
        waiting.tell(FleetStep(subject=each, state="gone"))
    return ()
