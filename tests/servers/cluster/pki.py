"""A cluster's certificates: who is who, by the names that Kubernetes reads out of them."""

from __future__ import annotations

from tests.servers.certs import CA, signing_keys, write_private
from tests.servers.cluster.plan import NODE, Plan


def write_pki(plan: Plan) -> None:
    """Write the CA and every certificate and key that `plan`'s flags name."""
    plan.pki.mkdir(parents=True, exist_ok=True)
    ca = CA("warmroute test cluster")
    (plan.pki / "ca.crt").write_bytes(ca.pem)
    service_names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    addresses = ("127.0.0.1", plan.node_ip, plan.service_ip)
    ca.server((*service_names, *addresses), common_name="kube-apiserver").write(plan.pki, "apiserver")
    ca.server((NODE, plan.node_ip)).write(plan.pki, "kubelet")
    ca.client("admin", organization="system:masters").write(plan.pki, "admin")
    ca.client(f"system:node:{NODE}", organization="system:nodes").write(plan.pki, "node")
    ca.client("apiserver", organization="system:masters").write(plan.pki, "kubelet-client")
    private, public = signing_keys()
    write_private(plan.pki / "service-account.key", private)
    (plan.pki / "service-account.pub").write_bytes(public)
