"""The fleet of examples/k8s_buildkitd on the test cluster: its volumes, certificates and accounts."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.kubernetes import EXAMPLE, NAMESPACE, applied, kubeconfig
from tests.e2e.program import Program
from tests.servers.certs import CA, Pair
from tests.servers.cluster import Cluster

WHERE = ("--selector", "app=buildkitd", "--namespace", NAMESPACE)
SERVER_NAME = "buildkitd"  # the script's default


def apply_example(cluster: Cluster, *names: str) -> None:
    """Apply files of the example as they stand."""
    cluster.kubectl("apply", *(f"--filename={EXAMPLE / name}" for name in names))


def account(cluster: Cluster, folder: Path, name: str = "builder") -> Program:
    """Return warmroute with a service account's token, and no other rights than its own."""
    token = cluster.kubectl("create", "token", name, f"--namespace={NAMESPACE}").strip()
    path = kubeconfig(cluster, folder / f"{name}.kubeconfig", {"user": {"token": token}})
    return Program(environment={"KUBECONFIG": str(path)})


@contextmanager
def volumes(cluster: Cluster, folder: Path, count: int = 3) -> Iterator[None]:
    """Provide volumes of this machine, which an ordinary user may write, as a storage class would."""
    items = [_volume(folder, str(number)) for number in range(count)]
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    try:
        yield
    finally:
        cluster.kubectl("delete", "pvc", "--all", f"--namespace={NAMESPACE}")
        cluster.kubectl("delete", "pv", "--selector=for=example")


def _volume(folder: Path, number: str) -> dict[str, object]:
    path = folder / number
    path.mkdir(parents=True)
    os.chown(path, 1000, 1000)  # fsGroup does it for volumes that aren't folders
    spec = {
        "capacity": {"storage": "100Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": str(path)},
    }
    meta = {"name": f"{folder.name}-{number}", "labels": {"for": "example"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": spec}


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """What the example's script has made in a folder."""

    folder: Path

    @property
    def client(self) -> Path:
        """The folder for --tls-dir."""
        return self.folder / "client"

    @property
    def daemons(self) -> Path:
        """The folder that becomes the daemons' Secret."""
        return self.folder / "daemons"

    @property
    def ca_file(self) -> Path:
        """The CA's certificate."""
        return self.folder / "ca.pem"

    @property
    def ca(self) -> CA:
        """The CA, for certificates that the script does not make."""
        key = self.folder / "ca-key.pem"
        return CA(existing=Pair(self.ca_file.read_bytes(), key.read_bytes()))


def certificates(folder: Path, *names: str) -> Certificates:
    """Run the example's script."""
    script = EXAMPLE / "certificates.sh"
    subprocess.run([script, folder, *names], check=True, capture_output=True, timeout=30)
    return Certificates(folder=folder)


def put_secret(cluster: Cluster, folder: Path) -> None:
    """Create the Secret of mtls.yaml, or give it other files."""
    secret = cluster.kubectl(
        "create",
        "secret",
        "generic",
        "buildkitd-tls",
        f"--namespace={NAMESPACE}",
        f"--from-file={folder}",
        "--dry-run=client",
        "--output=json",
    )
    cluster.apply(secret)


@contextmanager
def secured(cluster: Cluster, folder: Path, name: str) -> Iterator[Certificates]:
    """Apply the example with mutual TLS; ``name`` is for its volumes. Yield its certificates."""
    made = certificates(folder / "certificates")
    apply_example(cluster, "base.yaml", "client.yaml")
    put_secret(cluster, made.daemons)
    with volumes(cluster, folder / name), applied(cluster, "mtls.yaml"):
        yield made
