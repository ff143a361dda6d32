"""containerd-worker.yaml on the test cluster: an image is on the node without a push, and pods run it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.example_fleet import WHERE, account, apply_example
from tests.e2e.kubernetes import NAMESPACE, SELECTOR, wait_for, with_busybox
from tests.e2e.program import Program
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

IMAGE = "example.com/team/greeter:1"


@pytest.fixture(scope="module")
def client(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """warmroute as the account of the example, with one daemon on the node's containerd."""
    apply_example(cluster, "base.yaml", "client.yaml", "containerd-worker.yaml")
    try:
        cluster.wait_ready(SELECTOR, 1, namespace=NAMESPACE)
        yield account(cluster, tmp_path_factory.mktemp("client"))
    finally:
        cluster.kubectl("delete", "daemonset", "buildkitd", f"--namespace={NAMESPACE}", "--wait=false")
        cluster.kubectl(
            "delete", "pods", f"--selector={SELECTOR}", f"--namespace={NAMESPACE}", "--grace-period=1"
        )


def pod(image: str) -> str:
    """Return the manifest of a pod that may not pull its image."""
    container = {"name": "greeter", "image": image, "imagePullPolicy": "Never"}
    spec = {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    meta = {"name": "greeter", "namespace": NAMESPACE}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})


def test_a_pod_runs_the_image_without_a_push(cluster: Cluster, client: Program, tmp_path: Path) -> None:
    run = "RUN echo built in a step > /greeting"
    greet = 'CMD ["/bin/sh", "-c", "read greeting < /greeting; echo $greeting"]'
    context = with_busybox(tmp_path / "context", (run, greet))

    client.ok("build", *WHERE, "--identity=node", "--tag", IMAGE, "--output=type=image", context)

    cluster.apply(pod(IMAGE))
    try:
        wait_for(lambda: phase(cluster) in {"Succeeded", "Failed"}, "the pod has run")
        said = cluster.kubectl("logs", "greeter", f"--namespace={NAMESPACE}")
    finally:
        cluster.kubectl("delete", "pod", "greeter", f"--namespace={NAMESPACE}")
    assert said == "built in a step\n"


def phase(cluster: Cluster) -> str:
    """Return how far the pod has come."""
    return str(cluster.get("pod", "greeter", f"--namespace={NAMESPACE}")["status"]["phase"])


def test_steps_are_in_the_network_of_the_node(cluster: Cluster, client: Program, tmp_path: Path) -> None:
    # What the file warns of, and docs/explanation/security.md.
    lines = ("COPY busybox /bin/busybox", "RUN /bin/busybox ip link > /links")
    context = with_busybox(tmp_path / "context", lines)

    client.ok("build", *WHERE, "--identity=node", "--output", tmp_path / "out", context)

    assert cluster.bridge in (tmp_path / "out" / "links").read_text()


def test_the_next_daemon_on_the_node_has_the_cache(cluster: Cluster, client: Program, tmp_path: Path) -> None:
    context = with_busybox(tmp_path / "context", ("RUN echo once > /once",))
    options = (*WHERE, "--identity=node", "--progress=plain", "-v")
    first = client.ok("build", *options, context)

    cluster.kubectl("delete", "pods", f"--selector={SELECTOR}", f"--namespace={NAMESPACE}")
    cluster.wait_ready(SELECTOR, 1, namespace=NAMESPACE)
    second = client.ok("build", *options, context)

    assert first.daemon != second.daemon
    assert all(second.steps.values())
