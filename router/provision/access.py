"""Access to the daemons: the service account for builds, and a network policy. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from router.provision.pods import PORT, Object
from router.provision.spec import BuilderVia, FleetSpec

__all__ = ["builder_account", "network_policy"]

_RBAC = "rbac.authorization.k8s.io"
# Older API servers ask for get alone, newer ones for create too.
_REACH = {"exec": "pods/exec", "port-forward": "pods/portforward"}
# Addresses that are not the internet's, by the family that they are taken out of.
_INSIDE = {
    "0.0.0.0/0": ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
    "::/0": ["fc00::/7", "fe80::/10"],
}


def builder_account(spec: FleetSpec, meta: Object) -> Iterator[Object]:
    """Yield a ServiceAccount, a Role with the least that warmroute needs, and what binds them."""
    named = {**meta, "name": spec.builder}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named}
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": named,
        "rules": list(_rules(spec.access.via)),
    }
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": named,
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": spec.builder},
        "subjects": [{"kind": "ServiceAccount", "name": spec.builder, "namespace": spec.namespace}],
    }


def _rules(via: BuilderVia) -> Iterator[Object]:
    yield {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    if via in _REACH:
        yield {"apiGroups": [""], "resources": [_REACH[via]], "verbs": ["create", "get"]}


def network_policy(spec: FleetSpec, meta: Object) -> Object:
    """Return a policy that lets in the allowed namespaces, and out to names and the internet only."""
    dns = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    ingress = [_from_namespace(each) for each in spec.access.allowed]
    internet = [{"ipBlock": {"cidr": cidr, "except": inside}} for cidr, inside in _INSIDE.items()]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": meta,
        "spec": {
            "podSelector": {"matchLabels": {"app": spec.name}},
            "policyTypes": ["Ingress", "Egress"],
            **({"ingress": ingress} if ingress else {}),  # the server drops an empty list
            "egress": [
                {"to": [dns], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
                {"to": internet},
            ],
        },
    }


def _from_namespace(namespace: str) -> Object:
    selector = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    return {"from": [selector], "ports": [{"port": PORT, "protocol": "TCP"}]}
