"""Waiting until a fleet's pods are as they should be, and why one isn't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from router.cancellation import Cancellation
from router.errors import FleetError
from router.model.frozen import frozen
from router.net.deadline import Deadline
from router.provision.contract import Objects
from router.provision.kinds import EVENT, KINDS, POD, Kind
from router.provision.manifests import Object
from router.provision.pod_rows import PodRow, pod_rows
from router.provision.step import FleetStep, Tell
from router.untrusted_json import integer, member, text

__all__ = ["FleetWait", "Workload", "await_daemons", "is_settled", "no_pods_because", "workloads_of"]

# Seconds between looks. A watch would be told of pods at once, but not of what keeps them from being made.
_POLL = 0.5
_NAMED = 3


@frozen
class Workload:
    """A workload with pods: a pool of a fleet."""

    kind: Kind
    name: str


@frozen
class FleetWait:
    """How many seconds are waited, who is told, and what ends it early."""

    seconds: float
    tell: Tell
    cancellation: Cancellation


def await_daemons(
    kube: Objects, fleet: str, workloads: Sequence[Workload], waiting: FleetWait
) -> tuple[PodRow, ...]:
    """Wait until every pod that is wanted is there, up to date and ready; return them.

    Tells of each change. Raises ``FleetError`` with the reason of each pod that isn't ready in time, and
    ``CancelledError``.
    """
    seen: dict[str, tuple[str, str]] = {}
    deadline = Deadline(waiting.seconds)
    while True:
        found = [(each, kube.get(each.kind, each.name)) for each in workloads]
        rows = pod_rows(kube.list(POD, labels=f"app={fleet}"))
        reasons = dict(_reasons(kube, found, rows))
        _tell_changes(seen, rows, reasons, waiting.tell)
        if all(is_settled(each) for _, each in found) and all(row.ready for row in rows):
            return rows
        if deadline.passed:
            raise _late(kube, fleet, rows, reasons, deadline)
        waiting.cancellation.sleep(_POLL)


def is_settled(workload: Object | None) -> bool:
    """Say whether the pods of a StatefulSet or a DaemonSet are as many as it wants, of its latest template,
    and ready."""
    if workload is None:
        return False
    if (integer(workload, "status", "observedGeneration") or 0) < (
        integer(workload, "metadata", "generation") or 0
    ):
        return False
    if workload.get("kind") == KINDS["DaemonSet"].name:
        wanted = integer(workload, "status", "desiredNumberScheduled") or 0
        counts = [
            integer(workload, "status", name) or 0 for name in ("updatedNumberScheduled", "numberReady")
        ]
        return wanted > 0 and counts == [wanted, wanted]
    wanted = integer(workload, "spec", "replicas") or 0
    names = ("replicas", "readyReplicas", "updatedReplicas")
    return [integer(workload, "status", name) or 0 for name in names] == [wanted] * 3


def _reasons(
    kube: Objects, found: Sequence[tuple[Workload, Object | None]], rows: Sequence[PodRow]
) -> Iterator[tuple[str, str]]:
    """Yield why a workload has no pods, where it has none and the controller has said why."""
    for workload, each in found:
        has_pods = any(row.name.startswith(f"{workload.name}-") for row in rows)
        if (
            each is not None
            and not has_pods
            and not is_settled(each)
            and (why := no_pods_because(kube, workload))
        ):
            yield f"{workload.kind.name} {workload.name}", why


def no_pods_because(kube: Objects, workload: Workload) -> str:
    """Return the last warning about a workload, such as a quota or a policy that forbids its pods."""
    fields = f"involvedObject.kind={workload.kind.name},involvedObject.name={workload.name},type=Warning"
    try:
        events = kube.list(EVENT, fields=fields)
    except FleetError:
        return ""  # to read events is a right that not everybody has
    newest = max(events, key=lambda event: text(event, "lastTimestamp"), default={})
    return text(newest, "message")


def _tell_changes(
    seen: dict[str, tuple[str, str]], rows: Sequence[PodRow], reasons: Mapping[str, str], tell: Tell
) -> None:
    now = {
        **{subject: ("has no pods", why) for subject, why in reasons.items()},
        **{row.name: (row.state, row.reason) for row in rows},
    }
    for subject, (state, why) in now.items():
        if seen.get(subject) != (state, why):
            tell(FleetStep(subject=subject, state=state, detail=why))
    for gone in seen.keys() - now.keys() - reasons.keys():
        if " " not in gone:
            tell(FleetStep(subject=gone, state="gone"))
    seen.clear()
    seen.update(now)


def _late(
    kube: Objects, fleet: str, rows: Sequence[PodRow], reasons: Mapping[str, str], deadline: Deadline
) -> FleetError:
    unready = [row for row in rows if not row.ready]
    listed = [f"{row.name}: {': '.join(filter(None, (row.state, row.reason)))}" for row in unready[:_NAMED]]
    listed += [f"{subject} has no pods: {why}" for subject, why in reasons.items()]
    more = f" and {len(unready) - _NAMED} more" if len(unready) > _NAMED else ""
    what = "; ".join(listed) + more if listed else "pods are still being replaced"
    return FleetError(
        f"the fleet {fleet} is not ready after {deadline.seconds:g} s: {what}",
        hint=f"it goes on starting: warmroute fleet status {fleet} --namespace {kube.namespace}",
        reason="not-ready",
    )


def workloads_of(objects: Sequence[Object]) -> tuple[Workload, ...]:
    """Return those of the objects that have pods."""
    kinds = (KINDS["StatefulSet"], KINDS["DaemonSet"])
    return tuple(
        Workload(kind=kind, name=text(each, "metadata", "name"))
        for each in objects
        for kind in kinds
        if member(each, "kind") == kind.name
    )
