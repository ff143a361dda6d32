"""warmroute in a pod: it takes its account from the pod, and reaches daemons as they allow.

The pod has this machine's Python and this repository, read only; no image with them is built.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.kubernetes import EXAMPLE, HELLO, NAMESPACE, SELECTOR, applied, user_with
from tests.e2e.program import WARMROUTE
from tests.servers import images
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

REPOSITORY = Path(__file__).parents[2]


def mounts(context: Path) -> dict[str, str]:
    """Return what of this machine the pod sees, by the path that it sees it at."""
    system = {path: os.path.realpath(path) for path in ("/usr", "/lib", "/lib64") if os.path.exists(path)}
    python = (sys.base_prefix, sys.prefix, str(REPOSITORY))
    own = {path: path for path in python if not path.startswith("/usr/")}
    return {**system, **own, "/context": str(context)}


def pod(account: str, namespace: str, context: Path) -> str:
    """Return the manifest of a pod that waits for commands."""
    volumes = [
        {"name": f"v{number}", "hostPath": {"path": source}}
        for number, source in enumerate(mounts(context).values())
    ]
    places = [
        {"name": f"v{number}", "mountPath": path, "readOnly": True}
        for number, path in enumerate(mounts(context))
    ]
    container = {
        "name": "client",
        "image": images.BUSYBOX,
        "imagePullPolicy": "Never",
        "command": ["/bin/busybox", "sleep", "3600"],
        "volumeMounts": places,
    }
    spec = {
        "serviceAccountName": account,
        "containers": [container],
        "volumes": volumes,
        "terminationGracePeriodSeconds": 0,
    }
    meta = {"name": "client", "namespace": namespace, "labels": {"app": "client"}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})


class Client:
    """Runs warmroute in the pod."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._exec = ("exec", "client", f"--namespace={namespace}", "--", "sh", "-c")

    def warmroute(self, *args: str) -> str:
        """Run it; return what it wrote. A ServerError has it when it fails."""
        return self._cluster.kubectl(*self._exec, f"{WARMROUTE} {' '.join(args)} 2>&1")


@contextmanager
def client_pod(cluster: Cluster, account: str, namespace: str, context: Path) -> Iterator[Client]:
    """Start a pod that runs as a service account."""
    cluster.apply(pod(account, namespace, context))
    try:
        cluster.wait_ready("app=client", 1, namespace=namespace)
        yield Client(cluster, namespace)
    finally:
        cluster.kubectl("delete", "pod", "client", f"--namespace={namespace}", "--wait=false")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", HELLO)


def test_daemons_that_declare_a_port_are_dialled_by_their_ip(
    cluster: Cluster, fleet: tuple[str, ...], context: Path
) -> None:
    user_with(cluster, "lists-from-a-pod", [("pods", ["list"])])

    with client_pod(cluster, "lists-from-a-pod", "default", context) as client:
        listed = client.warmroute("ls", "--selector", SELECTOR, "--format", "json")
        built = client.warmroute("build", "--selector", SELECTOR, "-v", "/context")

    addresses = {daemon["name"]: daemon["address"] for daemon in json.loads(listed)}
    assert addresses == {
        name: f"kube-pod://{name}?namespace=default&container=buildkitd&ip={cluster.pod_ip(name)}"
        for name in fleet
    }
    assert " by its IP " in built
    assert "building on buildkitd-" in built
    assert "COPY hello /hello" in built


def test_daemons_without_a_port_are_reached_by_exec(cluster: Cluster, context: Path) -> None:
    cluster.kubectl("apply", f"--filename={EXAMPLE / 'base.yaml'}", f"--filename={EXAMPLE / 'client.yaml'}")

    with (
        applied(cluster, "privileged.yaml"),
        client_pod(cluster, "builder", NAMESPACE, context) as client,
    ):
        listed = client.warmroute("where", "--selector", SELECTOR, "--key=any")
        built = client.warmroute("build", "--selector", SELECTOR, "-v", "/context")

    assert "kube-pod://buildkitd-0?namespace=buildkit&container=buildkitd" in listed
    assert "COPY hello /hello" in built
