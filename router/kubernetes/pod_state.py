"""How a Kubernetes pod is, in the words that kubectl and the kubelet have for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.model.frozen import frozen

__all__ = ["PodState", "pod_state"]

_MOST_DETAIL = 300
_RUNNING = ("starting", "readiness probe not passing")

_Object = Mapping[str, Any]


@frozen
class PodState:
    """``word`` is one or two words (``ready``, ``CrashLoopBackOff``), ``detail`` what else is known."""

    word: str
    detail: str = ""
    ready: bool = False
    terminating: bool = False


def pod_state(pod: _Object) -> PodState:
    """Return how a pod is. One that is being deleted is not ready, whatever its condition says."""
    if pod["metadata"].get("deletionTimestamp"):
        return PodState(word="terminating", terminating=True)
    status = pod.get("status") or {}
    conditions = {condition.get("type", ""): condition for condition in status.get("conditions") or ()}
    if conditions.get("Ready", {}).get("status") == "True":
        return PodState(word="ready", ready=True)
    word, detail = _why_not_ready(pod, status, conditions)
    return PodState(word=word, detail=" ".join(detail.split())[:_MOST_DETAIL])


def _why_not_ready(pod: _Object, status: _Object, conditions: Mapping[str, _Object]) -> tuple[str, str]:
    phase = str(status.get("phase") or "")
    if status.get("reason") or phase in {"Succeeded", "Failed"}:  # evicted, the node shut down ...
        return str(status.get("reason") or phase.lower()), _text(status, "message")
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        word = {"Unschedulable": "unschedulable"}.get(_text(scheduled, "reason"), _text(scheduled, "reason"))
        return word or "not scheduled", _text(scheduled, "message")
    for found in (_of_init(pod, status), _of_containers(status), _of_gates(pod, conditions)):
        if found is not None:
            return found
    if conditions.get("Ready", {}).get("status") == "Unknown":
        return "unknown", _text(conditions["Ready"], "message") or "its node does not answer"
    return ("pending" if phase == "Pending" else "not ready"), ""


def _of_init(pod: _Object, status: _Object) -> tuple[str, str] | None:
    """Return what keeps the first init container that isn't through from being so."""
    statuses: Sequence[_Object] = status.get("initContainerStatuses") or ()
    spec = pod.get("spec") or {}
    sidecars = {
        container.get("name")
        for container in spec.get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    }
    for number, container in enumerate(statuses):
        state = container.get("state") or {}
        if "terminated" in state and state["terminated"].get("exitCode") == 0:
            continue
        if container.get("name") in sidecars and container.get("started"):
            continue
        found = _of_container(container)
        if found is not None and found[0] not in {"PodInitializing", *_RUNNING}:
            return f"Init:{found[0]}", found[1]
        return f"Init:{number}/{len(statuses)}", ""
    return None


def _of_containers(status: _Object) -> tuple[str, str] | None:
    statuses: Sequence[_Object] = status.get("containerStatuses") or ()
    found = [told for container in statuses if (told := _of_container(container)) is not None]
    # What has gone wrong says more than what goes on.
    return min(found, key=lambda told: told[0] in _RUNNING) if found else None


def _of_container(container: _Object) -> tuple[str, str] | None:
    """Return what keeps a container from being ready, None where nothing does."""
    state = container.get("state") or {}
    if "waiting" in state:
        before = _ended((container.get("lastState") or {}).get("terminated"))
        return _text(state["waiting"], "reason") or "waiting", before or _text(state["waiting"], "message")
    if "terminated" in state:
        return _text(state["terminated"], "reason") or "ended", _ended(state["terminated"])
    if "running" not in state or container.get("ready"):
        return None
    return _RUNNING[0 if container.get("started") is False else 1], ""


def _ended(terminated: _Object | None) -> str:
    if not terminated:
        return ""
    reason = _text(terminated, "reason")
    why = f" ({reason})" if reason not in {"", "Error", "Completed"} else ""
    return f"it exited with {terminated.get('exitCode')}{why}"


def _of_gates(pod: _Object, conditions: Mapping[str, _Object]) -> tuple[str, str] | None:
    for gate in (pod.get("spec") or {}).get("readinessGates") or ():
        name = _text(gate, "conditionType")
        if conditions.get(name, {}).get("status") != "True":
            return "readiness gate not passed", name
    return None


def _text(values: _Object, name: str) -> str:
    return str(values.get(name) or "")
