"""Kubernetes pods, as the API server's JSON tells of them, as daemons. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router.kubernetes.members import Listed, missing_members
from router.kubernetes.pod_identity import giving_way, identity_of
from router.kubernetes.pod_state import pod_state
from router.model.address import DEFAULT_PORT, KubePodAddress
from router.model.annotations import cordon, max_builds, platforms
from router.model.daemon import Daemon
from router.model.frozen import frozen, replace
from router.model.identity import Identity

__all__ = ["Reach", "daemon_of_pod", "daemons_of"]

_CONTAINER = "buildkitd"
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"

_PORTS = 1 << 16

_BY_NAME = Identity()

_Object = Mapping[str, Any]


@frozen
class Reach:
    """How pods are dialled: by IP always, never, or (``pod_ip`` None) where one declares a port.

    ``namespace`` and ``context`` stand in the address of a pod that is reached through the API server.
    """

    namespace: str
    context: str | None
    pod_ip: bool | None


def daemons_of(listed: Listed, reach: Reach, identity: Identity) -> tuple[Daemon, ...]:
    """Return the daemons in the pods, and the members of their StatefulSets that are not there."""
    leaving = giving_way(listed.pods, identity)
    daemons = [_or_leaving(daemon_of_pod(pod, reach, identity), leaving) for pod in listed.pods]
    for pod, why in missing_members(listed):
        daemon = daemon_of_pod(pod, reach, identity)
        if not daemon.unplaced:
            daemons.append(replace(daemon, present=False, state="missing", detail=why))
    return tuple(daemons)


def daemon_of_pod(pod: _Object, reach: Reach, identity: Identity = _BY_NAME) -> Daemon:
    """Return the daemon in a pod: its name is the pod's, and so survives the pod of a StatefulSet."""
    meta = pod["metadata"]
    state = pod_state(pod)
    annotations = meta.get("annotations") or {}
    placed, unplaced = identity_of(pod, identity)
    return Daemon(
        name=meta["name"],
        address=_address(pod, reach),
        identity=placed,
        unplaced=unplaced,
        ready=state.ready,
        terminating=state.terminating,
        state=state.word,
        detail=state.detail,
        cordon=cordon(annotations),
        platforms=platforms(annotations),
        native=_native(pod),
        max_builds=max_builds(annotations),
        labels=meta.get("labels") or {},
        annotations=annotations,
    )


def _or_leaving(daemon: Daemon, leaving: Mapping[str, str]) -> Daemon:
    keeper = leaving.get(daemon.name)
    if keeper is None:
        return daemon
    return replace(daemon, unplaced=f"leaves its identity {daemon.identity} to {keeper}")


def _native(pod: _Object) -> tuple[str, ...]:
    """Return the platform of the nodes that the pod may run on, where its node selector tells."""
    wanted = (pod.get("spec") or {}).get("nodeSelector") or {}
    architecture = wanted.get("kubernetes.io/arch")
    return (f"{wanted.get('kubernetes.io/os', 'linux')}/{architecture}",) if architecture else ()


def _address(pod: _Object, reach: Reach) -> KubePodAddress:
    container = _container(pod)
    port = _port(container)
    ip = (pod.get("status") or {}).get("podIP")
    by_ip = ip and (reach.pod_ip or (reach.pod_ip is None and port is not None))
    return KubePodAddress(
        pod=pod["metadata"]["name"],
        namespace=pod["metadata"].get("namespace") or reach.namespace,
        context=reach.context,
        container=container.get("name"),
        ip=ip if by_ip else None,
        port=port if port != DEFAULT_PORT else None,
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
    port = found.get("containerPort", 0) if found else 0
    return port if 0 < port < _PORTS else None


def _named(objects: Iterable[_Object], name: str | None) -> _Object | None:
    return next((value for value in objects if value.get("name") == name), None) if name else None
