"""Where a cluster's parts listen, and what each is told: every address, flag and config file, as values.

Pure: nothing here starts, writes or looks anything up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NODE = "warmroute-node"
SERVICE_ISSUER = "https://kubernetes.default.svc"

# kubelet's sockets lie some forty characters below this folder, and a socket's path ends at 107.
LONGEST_DIRECTORY = 64

# The folders of a node that pods may have as hostPath, and where below the plan's directory they really are.
NODE_FOLDERS = {
    "/var/lib/containerd": "containerd",
    "/run/containerd": "containerd-state",
    "/var/lib/buildkit": "buildkit",
}

# What kubelet and the CNI bridge change for the whole machine.
SYSCTLS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The TCP ports of one cluster, all on 127.0.0.1 but the kubelet's."""

    etcd: int
    etcd_peer: int
    apiserver: int
    kubelet: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One cluster: its folder, the names and addresses that only it uses.

    Pods and the node share one bridge, 10.NET.0.0/24; services are numbers out of 10.NET.1.0/24. All pods are
    below the cgroup `cgroup`.
    """

    directory: Path
    cgroup: str
    net: int
    ports: Ports

    @property
    def bridge(self) -> str:
        """The bridge that the node and all pods are on."""
        return f"warmroute{self.net}"

    @property
    def node_ip(self) -> str:
        """The machine's address on the bridge: the node's, and the pods' gateway."""
        return f"10.{self.net}.0.1"

    @property
    def service_ip(self) -> str:
        """The address of the service `kubernetes`."""
        return f"10.{self.net}.1.1"

    @property
    def containerd_socket(self) -> Path:
        """containerd's socket, for the kubelet and `ctr`."""
        return self.directory / "containerd.sock"

    @property
    def node_folders(self) -> dict[str, Path]:
        """The node's folders, and what they are outside of its room."""
        return {path: self.directory / name for path, name in NODE_FOLDERS.items()}

    @property
    def pki(self) -> Path:
        """The folder of all certificates and keys."""
        return self.directory / "pki"

    @property
    def admin_kubeconfig(self) -> Path:
        """The kubeconfig of an administrator."""
        return self.directory / "kubeconfig"

    @property
    def node_kubeconfig(self) -> Path:
        """The kubeconfig of the kubelet."""
        return self.directory / "kubelet.kubeconfig"


def etcd_flags(plan: Plan) -> list[str]:
    """Return etcd's flags: one member, no fsync, because nothing outlives a cluster."""
    client = f"http://127.0.0.1:{plan.ports.etcd}"
    peer = f"http://127.0.0.1:{plan.ports.etcd_peer}"
    return [
        f"--data-dir={plan.directory / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
    ]


def gateway_flags(plan: Plan) -> list[str]:
    """Return the flags of etcd's TCP proxy, which puts the apiserver where pods look for it.

    There is no kube-proxy, so the service's address itself stands on the bridge.
    """
    return [
        "gateway",
        "start",
        f"--endpoints=127.0.0.1:{plan.ports.apiserver}",
        f"--listen-addr={plan.service_ip}:443",
    ]


def apiserver_flags(plan: Plan) -> list[str]:
    """Return kube-apiserver's flags."""
    pki = plan.pki
    return [
        f"--etcd-servers=http://127.0.0.1:{plan.ports.etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={plan.ports.apiserver}",
        f"--advertise-address={plan.node_ip}",
        "--endpoint-reconciler-type=none",
        f"--service-cluster-ip-range=10.{plan.net}.1.0/24",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--service-account-issuer={SERVICE_ISSUER}",
        f"--service-account-key-file={pki / 'service-account.pub'}",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        "--profiling=false",
    ]


def controller_manager_flags(plan: Plan) -> list[str]:
    """Return kube-controller-manager's flags."""
    return [
        f"--kubeconfig={plan.admin_kubeconfig}",
        f"--service-account-private-key-file={plan.pki / 'service-account.key'}",
        f"--root-ca-file={plan.pki / 'ca.crt'}",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def scheduler_flags(plan: Plan) -> list[str]:
    """Return kube-scheduler's flags."""
    return [f"--kubeconfig={plan.admin_kubeconfig}", "--leader-elect=false", "--secure-port=0"]


def kubelet_flags(plan: Plan) -> list[str]:
    """Return kubelet's flags; the rest stands in `kubelet_config`."""
    return [
        f"--config={plan.directory / 'kubelet.json'}",
        f"--kubeconfig={plan.node_kubeconfig}",
        f"--root-dir={plan.directory / 'kubelet'}",
        f"--cert-dir={plan.pki}",
        f"--hostname-override={NODE}",
        # A loopback address is refused for a node.
        f"--node-ip={plan.node_ip}",
    ]


def kubelet_config(plan: Plan) -> str:
    """Return kubelet's config file (JSON is YAML)."""
    config: dict[str, object] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": plan.node_ip,
        "port": plan.ports.kubelet,
        "healthzPort": 0,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(plan.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(plan.pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(plan.pki / "kubelet.key"),
        "containerRuntimeEndpoint": f"unix://{plan.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{plan.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": False,
        "podLogsDir": str(plan.directory / "pod-logs"),
        "volumePluginDir": str(plan.directory / "volume-plugins"),
        "resolvConf": str(plan.directory / "resolv.conf"),
        # A full disk or little memory are the machine's own matter.
        "evictionHard": {"imagefs.available": "0%", "nodefs.available": "0%", "memory.available": "1Mi"},
        "imageGCHighThresholdPercent": 100,
    }
    return json.dumps(config, indent=1)


def containerd_config(plan: Plan, *, sandbox: str, programs: Mapping[str, Path]) -> str:
    """Return containerd's config. `programs` names runc, the shim and the folder of CNI plugins."""
    runtime = "io.containerd.cri.v1.runtime"
    return f"""\
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "{plan.containerd_socket}"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{sandbox}"
[plugins."{runtime}"]
# Without CAP_SYS_RESOURCE, as in many containers, no sandbox starts otherwise.
restrict_oom_score_adj = true
[plugins."{runtime}".cni]
bin_dirs = ["{programs["cni"]}"]
conf_dir = "{plan.directory}/cni"
[plugins."{runtime}".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
runtime_path = "{programs["shim"]}"
[plugins."{runtime}".containerd.runtimes.runc.options]
BinaryName = "{programs["runc"]}"
SystemdCgroup = false
"""


def cni_config(plan: Plan) -> str:
    """Return the pods' network: the bridge that is already there, addresses from a file."""
    config = {
        "cniVersion": "1.0.0",
        "name": plan.bridge,
        "plugins": [
            {
                "type": "bridge",
                "bridge": plan.bridge,
                "isGateway": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(plan.directory / "cni-addresses"),
                    "ranges": [[{"subnet": f"10.{plan.net}.0.0/24", "gateway": plan.node_ip}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }
    return json.dumps(config, indent=1)


def kubeconfig(plan: Plan, user: str) -> str:
    """Return a kubeconfig for one of the client certificates in `pki`, with paths in it, not contents."""
    name = "warmroute"
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": user, "namespace": "default"}}],
            "clusters": [
                {
                    "name": name,
                    "cluster": {
                        "server": f"https://127.0.0.1:{plan.ports.apiserver}",
                        "certificate-authority": str(plan.pki / "ca.crt"),
                    },
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate": str(plan.pki / f"{user}.crt"),
                        "client-key": str(plan.pki / f"{user}.key"),
                    },
                }
            ],
        },
        indent=1,
    )
