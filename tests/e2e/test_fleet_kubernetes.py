"""Finding buildkitd pods on a real Kubernetes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.errors import FleetError, UsageError
from router.fleet import FleetOptions, discover
from router.kubernetes.api import KubeApi
from router.kubernetes.config import KubeSource, load_target
from router.model.daemon import Daemon
from router.net.deadline import Deadline
from tests.e2e.kubernetes import SELECTOR, kubeconfig, user_with, wait_for
from tests.servers import images
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")


def listed(config: Path, selector: str = SELECTOR, **changes: object) -> dict[str, Daemon]:
    """List the daemons of a selector, by name."""
    options = FleetOptions(selector=selector, kubeconfig=str(config), **changes)  # type: ignore[arg-type]
    return {daemon.name: daemon for daemon in discover(options).daemons()}


def idle_pod(name: str, *, app: str, image: str = images.BUSYBOX, grace: int = 0) -> str:
    """Return the manifest of a pod that sleeps, deaf to signals."""
    container = {
        "name": "idle",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["/bin/busybox", "sh", "-c", "trap '' TERM; while :; do /bin/busybox sleep 1; done"],
    }
    meta = {"name": name, "namespace": "default", "labels": {"app": app}}
    spec = {"containers": [container], "terminationGracePeriodSeconds": grace}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})


def test_ready_pods_are_ready_daemons_reached_by_exec(cluster: Cluster, fleet: tuple[str, ...]) -> None:
    daemons = listed(cluster.kubeconfig)
    assert tuple(sorted(daemons)) == fleet
    for name, daemon in daemons.items():
        assert (daemon.ready, daemon.state) == (True, "ready")
        assert daemon.labels["app"] == "buildkitd"
        assert (
            str(daemon.address)
            == f"kube-pod://{name}?namespace=default&context=warmroute&container=buildkitd"
        )


def test_pods_are_reached_by_ip_where_that_is_asked_for(cluster: Cluster, fleet: tuple[str, ...]) -> None:
    daemons = listed(cluster.kubeconfig, pod_ip=True)
    assert {name: str(daemon.address) for name, daemon in daemons.items()} == {
        name: f"kube-pod://{name}?namespace=default&context=warmroute&container=buildkitd"
        f"&ip={cluster.pod_ip(name)}"
        for name in fleet
    }


def test_a_pod_that_is_being_deleted_is_terminating(cluster: Cluster) -> None:
    cluster.apply(idle_pod("leaving", app="leaving", grace=30))
    cluster.wait_ready("app=leaving", 1)
    cluster.kubectl("delete", "pod", "leaving", "--wait=false")
    try:
        daemon = listed(cluster.kubeconfig, "app=leaving")["leaving"]
        assert (daemon.ready, daemon.terminating, daemon.state) == (False, True, "terminating")
    finally:
        cluster.kubectl("delete", "pod", "leaving", "--grace-period=0", "--force", "--ignore-not-found")


def test_a_pod_that_can_not_start_says_why(cluster: Cluster) -> None:
    cluster.apply(idle_pod("broken", app="broken", image="docker.io/library/no-such-image:1"))
    try:
        wait_for(
            lambda: listed(cluster.kubeconfig, "app=broken")["broken"].state == "ErrImageNeverPull",
            "the pod's reason is listed",
        )
        assert not listed(cluster.kubeconfig, "app=broken")["broken"].ready
    finally:
        cluster.kubectl("delete", "pod", "broken", "--grace-period=0", "--force")


@pytest.mark.parametrize(("selector", "namespace"), [("app=nobody", None), (SELECTOR, "kube-system")])
def test_nothing_that_matches_is_an_empty_fleet(
    cluster: Cluster, fleet: tuple[str, ...], selector: str, namespace: str | None
) -> None:
    assert fleet
    assert not listed(cluster.kubeconfig, selector, namespace=namespace)


def test_selectors_are_those_of_kubectl(cluster: Cluster, fleet: tuple[str, ...]) -> None:
    selector = f"app in (buildkitd, other),statefulset.kubernetes.io/pod-name!={fleet[0]}"
    assert tuple(sorted(listed(cluster.kubeconfig, selector))) == fleet[1:]


def test_a_malformed_selector_is_a_usage_error(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="unable to parse requirement"):
        listed(cluster.kubeconfig, "app in buildkitd")


def test_a_user_without_the_right_to_list_is_told_which_one_is_missing(
    cluster: Cluster, tmp_path: Path
) -> None:
    user = user_with(cluster, "lists-nothing", [("pods", ["get"])])
    with pytest.raises(FleetError, match='cannot list resource "pods"') as caught:
        listed(kubeconfig(cluster, tmp_path / "config", {"user": user}))
    assert caught.value.hint == "a Role in namespace default must allow the verb list on pods"
    assert str(user["token"]) not in str(caught.value)


def test_the_right_to_list_is_enough(cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path) -> None:
    user = user_with(cluster, "lists-pods", [("pods", ["list"])])
    assert tuple(sorted(listed(kubeconfig(cluster, tmp_path / "config", {"user": user})))) == fleet


def test_a_token_that_is_not_accepted_is_told(cluster: Cluster, tmp_path: Path) -> None:
    config = kubeconfig(cluster, tmp_path / "config", {"user": {"token": "sesame"}})
    with pytest.raises(FleetError, match="does not accept the credentials") as caught:
        listed(config)
    assert "sesame" not in str(caught.value)


def test_a_server_name_and_an_insecure_cluster_are_honoured(cluster: Cluster, tmp_path: Path) -> None:
    named = {"tls-server-name": "kubernetes"}
    assert listed(kubeconfig(cluster, tmp_path / "named", {"cluster": named})) == listed(cluster.kubeconfig)
    wrong = {"tls-server-name": "elsewhere"}
    with pytest.raises(FleetError, match='certificate is not valid for "elsewhere'):
        listed(kubeconfig(cluster, tmp_path / "wrong", {"cluster": wrong}))
    config = json.loads(cluster.kubeconfig.read_text())
    del config["clusters"][0]["cluster"]["certificate-authority"]
    config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    (tmp_path / "insecure").write_text(json.dumps(config))
    assert listed(tmp_path / "insecure") == listed(cluster.kubeconfig)


def test_a_pods_own_account_reaches_the_api_server(cluster: Cluster, tmp_path: Path) -> None:
    user = user_with(cluster, "in-a-pod", [("pods", ["list"])])
    (tmp_path / "token").write_text(str(user["token"]))
    (tmp_path / "namespace").write_text("default")
    (tmp_path / "ca.crt").write_bytes((cluster.plan.pki / "ca.crt").read_bytes())
    environment = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": cluster.service_ip}
    target = load_target(KubeSource(environment=environment, service_account=str(tmp_path)))
    assert target.in_cluster
    reply = KubeApi(target, environment).get("/api/v1/namespaces/default/pods", Deadline(10))
    assert reply.status == 200
