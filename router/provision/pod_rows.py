"""The pods of a fleet as they are now: state and reason, image, architecture, volume. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.json_shape import ANY, Shape, shaped
from router.kubernetes.pod_state import pod_state
from router.model.frozen import field, frozen

__all__ = ["PodRow", "pod_rows"]

_Object = Mapping[str, Any]

_ARCHITECTURE = "kubernetes.io/arch"
_CONTAINER_STATE: Shape = {
    "waiting": {"reason": str, "message": str},
    "running": {},
    "terminated": {"reason": str, "exitCode": int},
}
_POD: Shape = {
    "metadata": {"name": str, "deletionTimestamp": str, "labels": {ANY: str}},
    "spec": {
        "nodeName": str,
        "nodeSelector": {ANY: str},
        "containers": [{"name": str, "image": str}],
        "volumes": [{"name": str, "persistentVolumeClaim": {"claimName": str}}],
    },
    "status": {
        "phase": str,
        "reason": str,
        "message": str,
        "conditions": [{"type": str, "status": str, "reason": str, "message": str}],
        "containerStatuses": [
            {
                "name": str,
                "ready": bool,
                "started": bool,
                "state": _CONTAINER_STATE,
                "lastState": _CONTAINER_STATE,
            }
        ],
    },
}
_CLAIM: Shape = {
    "metadata": {"name": str},
    "status": {"phase": str, "capacity": {"storage": str}},
    "spec": {"resources": {"requests": {"storage": str}}},
}


@frozen
class PodRow:
    """A pod; ``volume`` is the name of its claim, ``storage`` its size, both empty without one."""

    name: str
    state: str
    reason: str = ""
    ready: bool = False
    image: str = ""
    arch: str = ""
    node: str = ""
    volume: str = ""
    storage: str = ""
    volume_state: str = ""


@frozen
class Beside:
    """Facts beside the pods: claims by name, and the architectures of nodes."""

    claims: Mapping[str, _Object] = field(default_factory=dict)
    architectures: Mapping[str, str] = field(default_factory=dict)


def pod_rows(
    pods: Sequence[object], claims: Sequence[object] = (), nodes: Sequence[object] = ()
) -> tuple[PodRow, ...]:
    """Return a row for each pod as the API server describes it, by their names' ordinals."""
    known = [shaped(pod, _POD) or {} for pod in pods]
    beside = Beside(
        claims={
            each["metadata"]["name"]: each for claim in claims if _named(each := shaped(claim, _CLAIM) or {})
        },
        architectures=dict(map(_architecture, nodes)),
    )
    rows = [_row(pod, beside) for pod in known if _named(pod)]
    return tuple(sorted(rows, key=lambda row: _by_ordinal(row.name)))


def _named(each: _Object) -> bool:
    return bool(each.get("metadata", {}).get("name"))


def _by_ordinal(name: str) -> tuple[str, int]:
    stem, _, digits = name.rpartition("-")
    return (stem, int(digits)) if digits.isascii() and digits.isdigit() else (name, 0)


def _architecture(node: object) -> tuple[str, str]:
    found = shaped(node, {"metadata": {"name": str, "labels": {ANY: str}}}) or {}
    meta = found.get("metadata", {})
    return meta.get("name", ""), meta.get("labels", {}).get(_ARCHITECTURE, "")


def _row(pod: _Object, beside: Beside) -> PodRow:
    state = pod_state(pod)
    spec = pod.get("spec", {})
    node = spec.get("nodeName", "")
    claim_name = next((name for each in spec.get("volumes", ()) if (name := _claim_name(each))), "")
    claim = beside.claims.get(claim_name, {})
    storage = claim.get("status", {}).get("capacity", {}).get("storage") or claim.get("spec", {}).get(
        "resources", {}
    ).get("requests", {}).get("storage", "")
    return PodRow(
        name=pod["metadata"]["name"],
        state=state.word,
        reason=state.detail,
        ready=state.ready,
        image=next((each.get("image", "") for each in spec.get("containers", ())), ""),
        arch=beside.architectures.get(node) or spec.get("nodeSelector", {}).get(_ARCHITECTURE, ""),
        node=node,
        volume=claim_name,
        storage=storage,
        volume_state=claim.get("status", {}).get("phase", ""),
    )


def _claim_name(volume: _Object) -> str:
    return str(volume.get("persistentVolumeClaim", {}).get("claimName", ""))
