"""The pods that match, kept up to date: what a list says first, and a watch afterwards. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.errors import FleetError
from router.json_shape import ANY, Shape, shaped
from router.untrusted_json import NotJSONError, read_json

__all__ = ["Expired", "PodList"]

_Object = Mapping[str, Any]
_GONE = 410
# A pod has about 10 KB.
_MOST_BYTES = 1 << 25

_TEXTS: Shape = {ANY: str}
_CONTAINER_STATE: Shape = {
    "waiting": {"reason": str, "message": str},
    "running": {},
    "terminated": {"reason": str, "exitCode": int},
}
_CONTAINERS: Shape = [
    {"name": str, "ready": bool, "started": bool, "state": _CONTAINER_STATE, "lastState": _CONTAINER_STATE}
]
# What is looked at of a pod; the rest is not kept.
_POD: Shape = {
    "metadata": {
        "name": str,
        "namespace": str,
        "resourceVersion": str,
        "creationTimestamp": str,
        "deletionTimestamp": str,
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "ownerReferences": [{"kind": str, "name": str, "controller": bool}],
    },
    "spec": {
        "nodeName": str,
        "nodeSelector": _TEXTS,
        "initContainers": [{"name": str, "restartPolicy": str}],
        "containers": [{"name": str, "ports": [{"name": str, "protocol": str, "containerPort": int}]}],
        "readinessGates": [{"conditionType": str}],
    },
    "status": {
        "phase": str,
        "reason": str,
        "message": str,
        "podIP": str,
        "conditions": [{"type": str, "status": str, "reason": str, "message": str}],
        "initContainerStatuses": _CONTAINERS,
        "containerStatuses": _CONTAINERS,
    },
}
_LIST: Shape = {"metadata": {"resourceVersion": str}, "items": [_POD]}
_EVENT: Shape = {"type": str, "object": object}
_STATUS: Shape = {"code": int, "message": str, "reason": str}


class Expired(Exception):  # noqa: N818 - it is the API server's word, and no error of ours
    """What the watch would go on from is no longer known: the pods must be listed again."""


class PodList:
    """Pods by name, and the version of the API server's knowledge that they are of.

    Each pod has a name, and of the rest those fields that have the types they should have. Raises ValueError
    where ``body`` is no list of objects, or one of more than 32 MiB.
    """

    def __init__(self, body: bytes) -> None:
        value = read_json(body, most=_MOST_BYTES)
        listing = shaped(value, _LIST)
        if not isinstance(value, dict) or "items" not in value or listing is None:
            raise ValueError("no list of objects")
        self.version: str = listing.get("metadata", {}).get("resourceVersion", "")
        self._pods: dict[str, _Object] = {_name(pod): pod for pod in listing.get("items", ())}
        # By how much each pod may have grown the memory, in bytes of its line.
        self._sizes: dict[str, int] = {}
        self._size = len(body)

    @property
    def pods(self) -> Sequence[_Object]:
        """The pods, in the order in which they came to be known."""
        return tuple(self._pods.values())

    def apply(self, line: bytes) -> None:
        """Take in one line of a watch.

        Raises Expired, FleetError where the API server reports an error or the line is no event.
        """
        try:
            event = shaped(read_json(line), _EVENT) or {}
        except NotJSONError as exc:
            raise _no_event() from exc
        kind, changed = event.get("type", ""), event.get("object")
        if kind == "ERROR":
            raise _reported(shaped(changed, _STATUS) or {})
        pod = shaped(changed, _POD) or {}
        meta = pod.get("metadata")
        if not kind or not meta:
            raise _no_event()
        self.version = meta.get("resourceVersion") or self.version
        if kind != "BOOKMARK":
            self._change(kind, pod, len(line))

    def _change(self, kind: str, pod: _Object, size: int) -> None:
        try:
            name = _name(pod)
        except ValueError:
            raise _no_event() from None
        self._size -= self._sizes.pop(name, 0)
        if kind == "DELETED":
            self._pods.pop(name, None)
            return
        self._pods[name] = pod
        self._sizes[name] = size
        self._size += size
        if self._size > _MOST_BYTES:
            raise FleetError("the API server's watch tells of too many pods", hint="a narrower --selector")


def _name(pod: _Object) -> str:
    name: str = pod.get("metadata", {}).get("name", "")
    if not name:
        raise ValueError("a pod without a name")
    return name


def _no_event() -> FleetError:
    return FleetError("the API server sent something other than a watch event", temporary=True)


def _reported(status: _Object) -> Exception:
    if status.get("code") == _GONE:
        return Expired()
    said = status.get("message") or status.get("reason") or "an error"
    return FleetError(f"the API server ended a watch: {said}", temporary=True)
