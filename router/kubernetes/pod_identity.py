"""Which identity a pod has, and which of several pods of one identity has it. Pure.

A pod that replaces another may have its identity while both are there: during a rollout of a Deployment, on
the same node, or with the same label. Then one of them gives way. Two pods that could both take builds, of
the same making, are left for ``placement.order`` to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.kubernetes.pod_state import pod_state
from router.model.annotations import cordon
from router.model.identity import Identity

__all__ = ["giving_way", "identity_of"]

# What says that two pods come of different versions of one template.
_REVISIONS = ("pod-template-hash", "controller-revision-hash")

_Object = Mapping[str, Any]


def identity_of(pod: _Object, identity: Identity) -> tuple[str, str]:
    """Return the identity, and nothing; or nothing, and why the pod has none."""
    meta = pod["metadata"]
    match identity.kind:
        case "name":
            return str(meta["name"]), ""
        case "node":
            node = str((pod.get("spec") or {}).get("nodeName") or "")
            return node, "" if node else "is on no node yet"
        case "label":
            value = str((meta.get("labels") or {}).get(identity.key) or "")
        case "annotation":
            value = str((meta.get("annotations") or {}).get(identity.key) or "")
    return value, "" if value else f"has no {identity.kind} {identity.key}"


def giving_way(pods: Sequence[_Object], identity: Identity) -> Mapping[str, str]:
    """Return the names of the pods that leave their identity to another pod, and that pod's name."""
    if identity.kind == "name":
        return {}
    sharing: dict[str, list[_Object]] = {}
    for pod in pods:
        value, _ = identity_of(pod, identity)
        if value:
            sharing.setdefault(value, []).append(pod)
    leaving: dict[str, str] = {}
    for twins in sharing.values():
        if len(twins) > 1:
            keeper = max(twins, key=_claim)
            leaving.update(
                {_name(pod): _name(keeper) for pod in twins if pod is not keeper and not _equal(pod, keeper)}
            )
    return leaving


def _claim(pod: _Object) -> tuple[bool, bool, str, str]:
    """Rank a pod among those of its identity: who can build, else who stays, else who came last."""
    state = pod_state(pod)
    fit = state.ready and cordon(pod["metadata"].get("annotations") or {}) is None
    return fit, not state.terminating, str(pod["metadata"].get("creationTimestamp") or ""), _name(pod)


def _equal(pod: _Object, keeper: _Object) -> bool:
    """Whether both could build, and neither replaces the other."""
    return _claim(pod)[0] and _claim(keeper)[0] and _revision(pod) == _revision(keeper)


def _revision(pod: _Object) -> tuple[object, ...]:
    labels = pod["metadata"].get("labels") or {}
    return tuple(labels.get(name) for name in _REVISIONS)


def _name(pod: _Object) -> str:
    return str(pod["metadata"]["name"])
