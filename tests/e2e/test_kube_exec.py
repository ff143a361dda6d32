"""Reaching buildkitd in a pod of a real Kubernetes: through pods/exec, and by the pod's IP."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from os import kill
from pathlib import Path

import pytest

from router.address import parse_address
from router.errors import ConnectionLostError, DialError
from router.rpc.channel import Channel
from router.solve.control import Control
from router.transport import dial
from router.transport.options import DialOptions
from tests.e2e.kubernetes import kubeconfig, user_with, wait_for
from tests.servers import images
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")


def channel(address: str, config: Path) -> Channel:
    """Return a channel to the daemon at an address."""
    return Channel(dial(parse_address(address), DialOptions(kubeconfig=str(config))), peer=address)


def workers(address: str, config: Path) -> int:
    """Return how many workers the daemon at an address has."""
    with channel(address, config) as opened:
        return len(Control(opened).list_workers(timeout=20).record)


def commands(cluster: Cluster, pod: str) -> str:
    """Return what runs in a pod."""
    return cluster.kubectl("exec", pod, "--", "/bin/busybox", "ps")


def restarts(cluster: Cluster, pod: str) -> int:
    """Return how often a pod's only container was started again."""
    (status,) = cluster.get("pod", pod)["status"]["containerStatuses"]
    return int(status["restartCount"])


def pod(name: str, image: str, command: Sequence[str]) -> str:
    """Return the manifest of a pod with two containers that run the same."""
    containers = [
        {"name": container, "image": image, "imagePullPolicy": "Never", "command": list(command)}
        for container in ("main", "side")
    ]
    meta = {"name": name, "namespace": "default", "labels": {"app": name}}
    spec = {"containers": containers, "terminationGracePeriodSeconds": 0}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})


SLEEP = ("/bin/busybox", "sleep", "3600")


def test_the_daemon_answers_through_exec(cluster: Cluster, fleet: tuple[str, ...]) -> None:
    assert workers(f"kube-pod://{fleet[0]}?container=buildkitd", cluster.kubeconfig) == 1


def test_the_daemon_answers_at_the_pods_ip(cluster: Cluster, fleet: tuple[str, ...]) -> None:
    assert workers(f"tcp://{cluster.pod_ip(fleet[0])}", cluster.kubeconfig) == 1


def test_a_rootless_daemon_answers_through_exec(cluster: Cluster) -> None:
    (name,) = cluster.apply_buildkitd("rootless", replicas=1, rootless=True)
    try:
        assert workers(f"kube-pod://{name}", cluster.kubeconfig) == 1
    finally:
        cluster.kubectl("delete", "statefulset", "rootless")


def test_closing_ends_the_command_in_the_pod(cluster: Cluster, fleet: tuple[str, ...]) -> None:
    with channel(f"kube-pod://{fleet[0]}", cluster.kubeconfig) as opened:
        Control(opened).list_workers(timeout=20)
        assert "buildctl dial-stdio" in commands(cluster, fleet[0])
    wait_for(lambda: "dial-stdio" not in commands(cluster, fleet[0]), "the command has ended")


def test_a_container_that_is_killed_breaks_the_connection_off(
    cluster: Cluster, fleet: tuple[str, ...]
) -> None:
    before = restarts(cluster, fleet[1])
    with channel(f"kube-pod://{fleet[1]}", cluster.kubeconfig) as opened:
        Control(opened).list_workers(timeout=20)
        kill(cluster.pod_pid(fleet[1]), signal.SIGKILL)
        with pytest.raises(ConnectionLostError, match=fleet[1]) as caught:
            opened.run(lambda: False, timeout=30)
        assert caught.value.temporary
    # Until the kubelet has missed the container, the pod is told ready for the one that is gone.
    wait_for(lambda: restarts(cluster, fleet[1]) > before, "the container is started again", within=60)
    cluster.wait_ready("app=buildkitd", len(fleet))


def test_create_and_get_on_exec_are_enough(cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path) -> None:
    user = user_with(cluster, "runs-commands", [("pods/exec", ["create", "get"])])
    config = kubeconfig(cluster, tmp_path / "config", {"user": user})
    assert workers(f"kube-pod://{fleet[0]}", config) == 1


@pytest.mark.parametrize("verbs", [["create"], ["get"], []], ids="+".join)
def test_a_missing_right_is_told(
    cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path, verbs: list[str]
) -> None:
    name = f"lacks-{'-'.join(verbs) or 'all'}"
    user = user_with(cluster, name, [("pods/exec", verbs)] if verbs else [])
    config = kubeconfig(cluster, tmp_path / "config", {"user": user})
    with pytest.raises(DialError, match="pods/exec is forbidden") as caught:
        workers(f"kube-pod://{fleet[0]}", config)
    assert "create and get on pods/exec" in (caught.value.hint or "")
    assert caught.value.reason == "forbidden"


def test_a_pod_that_does_not_exist_is_told(cluster: Cluster) -> None:
    with pytest.raises(DialError, match="pod nobody in namespace default does not exist"):
        workers("kube-pod://nobody", cluster.kubeconfig)


def test_a_container_that_does_not_exist_is_told(cluster: Cluster, fleet: tuple[str, ...]) -> None:
    with pytest.raises(DialError, match="container"):
        workers(f"kube-pod://{fleet[0]}?container=nobody", cluster.kubeconfig)


def test_an_image_without_buildctl_is_told(cluster: Cluster) -> None:
    cluster.apply(pod("no-buildctl", images.BUSYBOX, SLEEP))
    cluster.wait_ready("app=no-buildctl", 1)
    try:
        with pytest.raises(DialError, match="can't run buildctl in pod no-buildctl") as caught:
            workers("kube-pod://no-buildctl?container=side", cluster.kubeconfig)
        assert "moby/buildkit" in (caught.value.hint or "")
    finally:
        cluster.kubectl("delete", "pod", "no-buildctl")


def test_a_pod_without_a_daemon_says_what_buildctl_tried(cluster: Cluster) -> None:
    cluster.apply(pod("no-daemon", images.BUILDKIT, SLEEP))
    cluster.wait_ready("app=no-daemon", 1)
    try:
        with pytest.raises(DialError, match=r"buildctl dial-stdio in pod no-daemon .*dial unix"):
            workers("kube-pod://no-daemon?container=side", cluster.kubeconfig)
    finally:
        cluster.kubectl("delete", "pod", "no-daemon")
