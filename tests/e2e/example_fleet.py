"""The fleet of examples/k8s_buildkitd on the test cluster: its volumes, certificates and accounts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.builder import SEARCH_PATH
from tests.e2e.kubernetes import EXAMPLE, NAMESPACE, SELECTOR, kubeconfig
from tests.e2e.pages import blocks
from tests.e2e.program import WARMROUTE, Program
from tests.servers import binaries
from tests.servers.certs import CA, Pair
from tests.servers.cluster import Cluster

PRODUCTION = "docs/how-to/kubernetes-production.md"
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


def run_commands(script: str, folder: Path, cluster: Cluster) -> None:
    """Run commands of a page as an administrator, in a folder that looks like the repository."""
    programs = (WARMROUTE, binaries.kubectl(), binaries.buildctl())
    variables = {
        "PATH": ":".join([*(str(program.parent) for program in programs), SEARCH_PATH]),
        "HOME": str(folder),
        "KUBECONFIG": str(cluster.kubeconfig),
    }
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def secured(cluster: Cluster, folder: Path, name: str) -> Iterator[Certificates]:
    """Start mtls.yaml as the page on production says; ``name`` is for its volumes. Yield its certificates."""
    copy = folder / "examples" / "k8s_buildkitd"
    shutil.copytree(EXAMPLE, copy)
    with volumes(cluster, folder / name):
        try:
            run_commands(blocks(PRODUCTION, "sh")[0], folder, cluster)
            cluster.wait_ready(SELECTOR, 3, namespace=NAMESPACE)
            yield Certificates(folder=copy / "certificates")
        finally:
            for thing in ("statefulset/buildkitd", "secret/buildkitd-tls"):
                cluster.kubectl("delete", thing, f"--namespace={NAMESPACE}", "--wait=false")
            cluster.kubectl(
                "delete", "pods", f"--selector={SELECTOR}", f"--namespace={NAMESPACE}", "--grace-period=1"
            )
