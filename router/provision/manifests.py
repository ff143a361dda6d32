"""A fleet as Kubernetes objects: plain JSON values, in the order in which they are to be made. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from router.provision.access import builder_account, network_policy
from router.provision.config_file import whole_config
from router.provision.pods import STATE, Object, pod_template
from router.provision.spec import DEFAULT_REPLICAS, FLEET_LABEL, FleetSpec

__all__ = ["WORKLOADS", "Object", "manifests"]

# The kinds that have pods.
WORKLOADS = ("StatefulSet", "DaemonSet")


def manifests(spec: FleetSpec) -> tuple[Object, ...]:
    """Return the objects. What others need comes first, the daemons come last; a Secret with certificates
    is not among them. Raises ``UsageError`` for what can't be made."""
    return tuple(_objects(spec.checked()))


def _objects(spec: FleetSpec) -> Iterator[Object]:
    meta = _meta(spec, spec.name)
    config = whole_config(spec)
    if spec.create_namespace:
        yield _namespace(spec)
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"clusterIP": "None", "selector": {"app": spec.name}},
    }
    yield {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": meta,
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": {"app": spec.name}},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
    yield from builder_account(spec, meta)
    if spec.access.closed:
        yield network_policy(spec, meta)
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _meta(spec, f"{spec.name}-config"),
        "data": {"buildkitd.toml": config},
    }
    for pool, architecture in spec.pools:
        yield _workload(spec, pool, pod_template(spec, config, architecture))


def _meta(spec: FleetSpec, name: str) -> Object:
    return {"name": name, "namespace": spec.namespace, "labels": {FLEET_LABEL: spec.name}}


def _namespace(spec: FleetSpec) -> Object:
    # Not the fleet's alone, so it does not have its label: others may be in there too.
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": spec.namespace, "labels": labels},
    }


def _workload(spec: FleetSpec, name: str, template: Object) -> Object:
    labels = template["metadata"]["labels"]
    selector = {"matchLabels": {key: labels[key] for key in ("app", "arch") if key in labels}}
    meta = _meta(spec, name)
    if spec.pod.worker == "containerd":
        body = {"selector": selector, "template": template}
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta, "spec": body}
    claims = {} if spec.state.storage is None else {"volumeClaimTemplates": [_claim(spec)]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": meta,
        "spec": {
            "serviceName": spec.name,
            "replicas": DEFAULT_REPLICAS if spec.replicas is None else spec.replicas,
            "podManagementPolicy": "Parallel",
            "selector": selector,
            "template": template,
            **claims,
        },
    }


def _claim(spec: FleetSpec) -> Object:
    storage_class = {"storageClassName": spec.state.storage_class} if spec.state.storage_class else {}
    return {
        "metadata": {"name": STATE, "labels": {FLEET_LABEL: spec.name}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            **storage_class,
            "resources": {"requests": {"storage": str(spec.state.storage)}},
        },
    }
