"""`fleet up`: create a fleet, or change it to its specification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from router.errors import FleetError
from router.model.frozen import frozen
from router.provision.contract import Objects
from router.provision.kinds import KINDS
from router.provision.manifests import WORKLOADS, Object, manifests
from router.provision.outcome import FleetMade, ObjectChange
from router.provision.rights import require_rights, rights_to_make
from router.provision.rollout import FleetWait, await_daemons, workloads_of
from router.provision.spec import FLEET_LABEL, FleetSpec
from router.provision.step import FleetStep, told_as
from router.untrusted_json import integer, text

__all__ = ["FleetWanted", "bring_up"]


@frozen
class FleetWanted:
    """A fleet, what is there beside its manifests (a Secret), and whether to take others' fields."""

    spec: FleetSpec
    secrets: tuple[Object, ...] = ()
    force: bool = False


def bring_up(kube: Objects, wanted: FleetWanted, waiting: FleetWait) -> FleetMade:
    """Apply a fleet's objects, and wait until its daemons are ready.

    Doing it again changes nothing. Raises ``FleetError`` where a right is missing, before anything was
    changed; where an object is refused, naming those that are there; where pods aren't ready in time.
    """
    spec = wanted.spec
    objects = (*wanted.secrets, *manifests(spec))
    if spec.create_namespace:  # everything else is in there
        objects = tuple(sorted(objects, key=lambda each: each["kind"] != "Namespace"))
    require_rights(kube, rights_to_make(each["kind"] for each in objects), f"make the fleet {spec.name}")
    made: list[ObjectChange] = []
    with told_as(f"making the fleet {spec.name}", lambda: _how_to_remove(kube, spec, made)):
        try:
            for each in objects:
                made.append(_put(kube, each, wanted, waiting))  # noqa: PERF401 -- they count when one fails
        except FleetError as exc:
            raise _half_made(exc, kube, spec, made) from exc
        _tell_of_others(kube, objects, spec, waiting)
        pods = await_daemons(kube, spec.name, workloads_of(objects), waiting)
    return FleetMade(objects=tuple(made), pods=pods)


def _tell_of_others(kube: Objects, objects: Sequence[Object], spec: FleetSpec, waiting: FleetWait) -> None:
    """Tell of the fleet's objects that these options don't have: what was made by others stays."""
    wanted = {(each["kind"], each["metadata"]["name"]) for each in objects}
    for name in (*WORKLOADS, "NetworkPolicy"):
        kind = KINDS[name]
        try:
            found = kube.list(kind, labels=f"{FLEET_LABEL}={spec.name}")
        except FleetError:
            continue  # listing them is a right that making them doesn't need
        for other in found:
            left = text(other, "metadata", "name")
            if (name, left) not in wanted:
                remove = f"kubectl delete {name.lower()} {left} -n {kube.namespace}"
                step = FleetStep(
                    subject=f"{name} {left}", state="is of other options, and stays", detail=remove
                )
                waiting.tell(step)


def _put(kube: Objects, wanted: Object, given: FleetWanted, waiting: FleetWait) -> ObjectChange:
    """Apply one object; return what that came to."""
    kind, name = KINDS[wanted["kind"]], wanted["metadata"]["name"]
    subject = f"{kind.name} {name}"
    before = kube.get(kind, name)
    if before is not None and kind.namespaced:
        _require_ours(before, given, subject)
    if kind.name == "StatefulSet":
        wanted = _with_replicas(kube, wanted, before, given.spec.replicas)
    after = kube.apply(kind, wanted, force=given.force)
    change = ObjectChange(kind=kind.name, name=name, state=_what_happened(before, after))
    waiting.tell(FleetStep(subject=change.subject, state=change.state))
    return change


def _require_ours(before: Object, given: FleetWanted, subject: str) -> None:
    """Raise ``FleetError`` for an object of that name that is no part of this fleet."""
    name = given.spec.name
    owner = text(before, "metadata", "labels", FLEET_LABEL)
    if owner != name and not given.force:
        whose = f"is of the fleet {owner}" if owner else f"was not made by warmroute (no label {FLEET_LABEL})"
        raise FleetError(
            f"{subject} is there already and {whose}",
            hint="choose another name, or take it over with --force-conflicts",
            reason="conflict",
        )


def _with_replicas(kube: Objects, wanted: Object, before: Object | None, replicas: int | None) -> Object:
    """Return what to apply: as large as the pool is, unless a size is given.

    A pool that has another size gets the new one first, as `scale` does it: what `scale` has set belongs to
    an update, which an apply would be in conflict with.
    """
    now = integer(before, "spec", "replicas")
    if now is None:
        return wanted
    if replicas is not None and replicas != now:
        kube.scale(KINDS["StatefulSet"], wanted["metadata"]["name"], replicas)
    return {**wanted, "spec": {**wanted["spec"], "replicas": now if replicas is None else replicas}}


def _what_happened(before: Object | None, after: Object) -> Literal["created", "changed", "unchanged"]:
    if before is None:
        return "created"
    same = text(before, "metadata", "resourceVersion") == text(after, "metadata", "resourceVersion")
    return "unchanged" if same else "changed"


def _half_made(exc: FleetError, kube: Objects, spec: FleetSpec, made: Sequence[ObjectChange]) -> FleetError:
    hints = {
        "conflict": "--force-conflicts takes over the fields that others have set",
        "missing": f"is there a namespace {spec.namespace}? --create-namespace makes it",
        "invalid": "volumes and labels of a StatefulSet can't be changed:"
        f" warmroute fleet down {spec.name} first, which keeps the volumes",
    }
    there = f"; of the fleet there are {', '.join(each.subject for each in made)}" if made else ""
    hint = "; ".join(filter(None, (exc.hint or hints.get(exc.reason), _how_to_remove(kube, spec, made))))
    return FleetError(f"{exc}{there}", hint=hint or None, reason=exc.reason)


def _how_to_remove(kube: Objects, spec: FleetSpec, made: Sequence[ObjectChange]) -> str:
    if not made:
        return ""
    return f"to remove the fleet: warmroute fleet down {spec.name} --namespace {kube.namespace}"
