"""The pod of one daemon. Pure.

Why each setting is as it is stands in `remarks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.flags.toleration import Toleration
from router.provision.config_file import digest
from router.provision.spec import FleetSpec

__all__ = ["PORT", "STATE", "Object", "pod_template"]

Object = dict[str, Any]

PORT = 1234
STATE = "state"
_CONFIG, _CERTIFICATES = "config", "certificates"
_ROOTLESS_USER = 1000
_WORKERS = ["buildctl", "debug", "workers"]
# Told to stop, buildkitd can't be reached any more: so it is told when there is nothing left to do.
_IDLE = "while timeout 30 buildctl debug histories | grep -q ^STARTED; do sleep 1; done"
# What the node's containerd and the daemon tell each other paths of, with the type of the host's.
_HOST_PATHS = {
    STATE: ("/var/lib/buildkit", "DirectoryOrCreate"),
    "containerd": ("/run/containerd", "Directory"),
    "snapshots": ("/var/lib/containerd", "Directory"),
}


def pod_template(spec: FleetSpec, config: str, architecture: str = "") -> Object:
    """Return the template of the pods of one pool; ``config`` is the text of their buildkitd.toml."""
    labels = {"app": spec.name, **({"arch": architecture} if architecture else {}), **spec.pod.labels}
    marks = {"warmroute.dev/config": digest(config)}
    if spec.access.certificates:
        marks["warmroute.dev/certificates"] = spec.access.certificates
    return {
        "metadata": {"labels": labels, "annotations": {**marks, **spec.pod.annotations}},
        "spec": dict(_pod(spec, architecture)),
    }


def _pod(spec: FleetSpec, architecture: str) -> Iterator[tuple[str, object]]:
    pod = spec.pod
    selector = {**({"kubernetes.io/arch": architecture} if architecture else {}), **pod.node_selector}
    if selector:
        yield "nodeSelector", selector
    if pod.tolerations:
        yield "tolerations", [_toleration(each) for each in pod.tolerations]
    if pod.scheduler:
        yield "schedulerName", pod.scheduler
    if pod.service_account:
        yield "serviceAccountName", pod.service_account
    yield "terminationGracePeriodSeconds", pod.grace
    yield "automountServiceAccountToken", False
    if pod.rootless:
        yield "securityContext", {"fsGroup": _ROOTLESS_USER, "fsGroupChangePolicy": "OnRootMismatch"}
    yield "containers", [dict(_container(spec))]
    yield "volumes", list(_volumes(spec))


def _toleration(toleration: Toleration) -> Object:
    values = {
        "key": toleration.key,
        "operator": toleration.operator,
        "value": toleration.value,
        "effect": toleration.effect,
    }
    seconds = {} if toleration.seconds is None else {"tolerationSeconds": toleration.seconds}
    return {**{name: value for name, value in values.items() if value}, **seconds}


def _container(spec: FleetSpec) -> Iterator[tuple[str, object]]:
    yield "name", "buildkitd"
    yield "image", spec.pod.used_image
    if arguments := [*_arguments(spec), *spec.pod.arguments]:
        yield "args", arguments
    if spec.access.mtls:
        yield "ports", [{"name": "buildkitd", "containerPort": PORT}]
    if environment := dict(_environment(spec)):
        yield "env", [{"name": name, "value": value} for name, value in environment.items()]
    yield "envFrom", [{"configMapRef": {"name": f"{spec.name}-proxy", "optional": True}}]
    yield "securityContext", _security(rootless=spec.pod.rootless)
    yield "resources", _resources(spec)
    yield "startupProbe", _probe(period=1, timeout=5, failures=300)
    yield "readinessProbe", _probe(period=10, timeout=10, failures=2)
    yield "livenessProbe", {**_probe(period=30, timeout=30, failures=6), "terminationGracePeriodSeconds": 30}
    yield "lifecycle", {"preStop": {"exec": {"command": ["sh", "-c", _IDLE]}}}
    yield "volumeMounts", list(_mounts(spec))


def _arguments(spec: FleetSpec) -> Iterator[str]:
    if spec.pod.worker == "containerd":
        yield "--oci-worker=false"
        yield "--containerd-worker=true"
        yield "--containerd-worker-addr=/run/containerd/containerd.sock"
        yield "--containerd-worker-namespace=k8s.io"
    if spec.pod.rootless:
        yield "--config=/etc/buildkit/buildkitd.toml"
        yield "--oci-worker-no-process-sandbox"
    if spec.access.mtls:
        run = f"/run/user/{_ROOTLESS_USER}" if spec.pod.rootless else "/run"
        yield f"--addr=unix://{run}/buildkit/buildkitd.sock"
        yield f"--addr=tcp://0.0.0.0:{PORT}"
        yield "--tlscacert=/certificates/ca.pem"
        yield "--tlscert=/certificates/cert.pem"
        yield "--tlskey=/certificates/key.pem"


def _environment(spec: FleetSpec) -> Iterator[tuple[str, str]]:
    if spec.pod.worker == "containerd":
        yield "TMPDIR", "/var/lib/buildkit"
    yield from spec.pod.environment.items()


def _security(*, rootless: bool) -> Object:
    if not rootless:
        return {"privileged": True}
    return {
        "runAsUser": _ROOTLESS_USER,
        "runAsGroup": _ROOTLESS_USER,
        "seccompProfile": {"type": "Unconfined"},
        "appArmorProfile": {"type": "Unconfined"},
    }


def _resources(spec: FleetSpec) -> Object:
    groups = {"requests": spec.pod.requests, "limits": spec.pod.limits}
    return {
        name: {resource: str(quantity) for resource, quantity in quantities.items()}
        for name, quantities in groups.items()
        if quantities
    }


def _probe(*, period: int, timeout: int, failures: int) -> Object:
    return {
        "exec": {"command": list(_WORKERS)},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _mounts(spec: FleetSpec) -> Iterator[Object]:
    yield {"name": _CONFIG, "mountPath": "/etc/buildkit", "readOnly": True}
    if spec.pod.worker == "containerd":
        for name, (path, _) in _HOST_PATHS.items():
            shared = {"mountPropagation": "Bidirectional"} if name == STATE else {}
            yield {"name": name, "mountPath": path, **shared}
        return
    home = "/home/user/.local/share/buildkit" if spec.pod.rootless else "/var/lib/buildkit"
    yield {"name": STATE, "mountPath": home}
    if spec.access.mtls:
        yield {"name": _CERTIFICATES, "mountPath": "/certificates", "readOnly": True}


def _volumes(spec: FleetSpec) -> Iterator[Object]:
    yield {"name": _CONFIG, "configMap": {"name": f"{spec.name}-config"}}
    if spec.pod.worker == "containerd":
        for name, (path, kind) in _HOST_PATHS.items():
            yield {"name": name, "hostPath": {"path": path, "type": kind}}
        return
    if spec.state.storage is None:
        memory = spec.state.memory
        yield {
            "name": STATE,
            "emptyDir": {} if memory is None else {"medium": "Memory", "sizeLimit": str(memory)},
        }
    if spec.access.mtls:
        yield {"name": _CERTIFICATES, "secret": {"secretName": f"{spec.name}-tls"}}
