"""A Kubernetes pod, as the API server's JSON tells it, as a Daemon. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.transport.address import DEFAULT_PORT, KubePodAddress, TcpAddress, format_address

__all__ = ["Reach", "daemon_of_pod"]

_CONTAINER = "buildkitd"
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"

_Object = Mapping[str, Any]


@frozen
class Reach:
    """How pods are dialled: by IP always, never, or (``pod_ip`` None) where one declares a port.

    ``namespace`` and ``context`` stand in the address of a pod that is reached through the API server.
    """

    namespace: str
    context: str | None
    pod_ip: bool | None


def daemon_of_pod(pod: _Object, reach: Reach) -> Daemon:
    """Return the daemon in a pod: its name is the pod's, and so survives the pod of a StatefulSet."""
    meta = pod["metadata"]
    terminating = bool(meta.get("deletionTimestamp"))
    ready = _is_ready(pod)
    return Daemon(
        name=meta["name"],
        address=_address(pod, reach),
        ready=ready and not terminating,
        terminating=terminating,
        state="terminating" if terminating else "ready" if ready else _why_not_ready(pod),
        labels=dict(meta.get("labels") or {}),
        annotations=dict(meta.get("annotations") or {}),
    )


def _is_ready(pod: _Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _why_not_ready(pod: _Object) -> str:
    """Return what kubectl shows as the status, in a word or two: ``pending``, ``CrashLoopBackOff`` ..."""
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason"):
            return str(waiting["reason"])
    phase = str(status.get("phase") or "").lower()
    return "not ready" if phase in {"", "running"} else phase


def _address(pod: _Object, reach: Reach) -> str:
    container = _container(pod)
    port = _port(container)
    ip = (pod.get("status") or {}).get("podIP")
    if ip and (reach.pod_ip or (reach.pod_ip is None and port is not None)):
        return format_address(TcpAddress(host=ip, port=port or DEFAULT_PORT))
    return format_address(
        KubePodAddress(
            pod=pod["metadata"]["name"],
            namespace=pod["metadata"].get("namespace") or reach.namespace,
            context=reach.context,
            container=container.get("name"),
        )
    )


def _container(pod: _Object) -> _Object:
    """Return the container that buildkitd runs in: by its name, by kubectl's annotation, else the first."""
    containers: list[_Object] = list((pod.get("spec") or {}).get("containers") or ())
    annotated = (pod["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER)
    for name in (_CONTAINER, annotated):
        found = _named(containers, name)
        if found is not None:
            return found
    return containers[0] if containers else {}


def _port(container: _Object) -> int | None:
    ports = [port for port in container.get("ports") or () if port.get("protocol", "TCP") == "TCP"]
    found = _named(ports, _CONTAINER) or (ports[0] if ports else None)
    return None if found is None else int(found["containerPort"])


def _named(objects: Iterable[_Object], name: str | None) -> _Object | None:
    return next((value for value in objects if value.get("name") == name), None) if name else None
