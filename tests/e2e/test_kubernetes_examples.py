"""The manifests of examples/k8s_buildkitd, applied as they stand, and built on by the account that they make.

Two things stand in for what a real cluster has: the images carry upstream's names but are made here, for
there is no registry to pull from; and volumes are folders of this machine. Nothing here enforces network
policies. Certificates, rights and the containerd worker have files of their own.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from router import BuildRequest, RouterConfig
from router.model.events import Event, SolveStatus
from tests.e2e.builder import Builder, write_tree
from tests.e2e.example_fleet import WHERE, account, apply_example, volumes
from tests.e2e.kubernetes import (
    EXAMPLE,
    HELLO,
    NAMESPACE,
    SELECTOR,
    Deleting,
    applied,
    manifests_of,
    wait_for,
    with_busybox,
    workloads_of,
)
from tests.e2e.program import Program
from tests.servers import images
from tests.servers.cache import ServerError
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

TWO_STEPS = {"Dockerfile": "FROM scratch\nCOPY a /a\nCOPY b /b\n", "a": "a", "b": "b"}


@pytest.fixture(scope="module")
def client(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """warmroute as the account that the example makes for a CI job."""
    cluster.load_image(images.rootless_tar())
    apply_example(cluster, "base.yaml", "client.yaml")
    return account(cluster, tmp_path_factory.mktemp("client"))


def building_on_home(client: Program, scratch: Path, key: str = "any") -> Builder:
    """Return a builder that does what the client's program would."""
    config = RouterConfig(selector=SELECTOR, namespace=NAMESPACE, key=key)
    return Builder(config=config, scratch=scratch, environment=dict(client.environment))


@pytest.mark.parametrize("name", ["privileged.yaml", "rootless.yaml"])
def test_each_variant_builds_and_lets_a_build_finish_when_its_pod_is_deleted(
    cluster: Cluster, client: Program, tmp_path: Path, name: str
) -> None:
    context = with_busybox(tmp_path / "context", ("RUN echo waiting; sleep 3; echo done > /done",))
    with applied(cluster, name) as pods:
        home = client.ok("where", *WHERE, "--format", "json", "--key=any").json["home"]
        deleting = Deleting(cluster, home, f"--namespace={NAMESPACE}", "--wait=false")
        builder = building_on_home(client, tmp_path)
        builder.then = deleting

        files = builder.files(BuildRequest(context=str(context)))

        assert deleting.done
        assert files["done"] == b"done\n"
        assert not builder.warnings
        assert home in pods
        cluster.wait_ready(SELECTOR, 3, namespace=NAMESPACE)


@dataclass(kw_only=True)
class Draining:
    """Evicts a pod, as the drain of a node does, when a step of its build writes "waiting".

    Keeps what the daemon then says of itself, asked through a new connection, and what the API server answers
    to the eviction of another pod.
    """

    cluster: Cluster
    client: Program
    home: str
    other: str
    said: str = ""
    refused: str = ""

    def __call__(self, event: Event) -> None:
        """Hear of the build's events."""
        logs = event.logs if isinstance(event, SolveStatus) else ()
        if self.said or not any(b"waiting" in log.data for log in logs):
            return
        evict(self.cluster, self.home)
        wait_for(lambda: self._is("Terminating"), "the pod is being deleted")
        self.said = self.client.run("drain-check", *WHERE, self.home).stderr
        try:
            evict(self.cluster, self.other)
        except ServerError as error:
            self.refused = str(error)

    def _is(self, state: str) -> bool:
        return state in self.cluster.kubectl("get", "pod", self.home, f"--namespace={NAMESPACE}")


def evict(cluster: Cluster, pod: str) -> None:
    """Ask the API server to evict a pod. Raises ServerError where a budget does not allow it."""
    meta = {"name": pod, "namespace": NAMESPACE}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction"
    cluster.kubectl("create", f"--raw={path}", "--filename=-", input=json.dumps(eviction))


def test_a_drain_waits_for_the_build_and_takes_one_daemon_at_a_time(
    cluster: Cluster, client: Program, tmp_path: Path
) -> None:
    context = with_busybox(tmp_path / "context", ("RUN echo waiting; sleep 15; echo done > /done",))
    with applied(cluster, "privileged.yaml") as pods:
        wait_for(lambda: allowed_disruptions(cluster) == 1, "the budget knows the pods")
        home = client.ok("where", *WHERE, "--format", "json", "--key=any").json["home"]
        builder = building_on_home(client, tmp_path)
        other = next(pod for pod in pods if pod != home)
        draining = Draining(cluster=cluster, client=client, home=home, other=other)
        builder.then = draining
        before = cluster.get("pod", home, f"--namespace={NAMESPACE}")["metadata"]["uid"]

        files = builder.files(BuildRequest(context=str(context)))

        assert files["done"] == b"done\n"
        assert not builder.warnings
        assert f"{home} has 1 build in flight" in draining.said
        assert "would violate the pod's disruption budget" in draining.refused
        cluster.wait_ready(SELECTOR, 3, namespace=NAMESPACE)
        assert cluster.get("pod", home, f"--namespace={NAMESPACE}")["metadata"]["uid"] != before


def allowed_disruptions(cluster: Cluster) -> int:
    """Return how many pods may be evicted now."""
    status = cluster.get("pdb", "buildkitd", f"--namespace={NAMESPACE}").get("status") or {}
    return int(status.get("disruptionsAllowed", 0))


@pytest.mark.parametrize("name", ["privileged-pvc.yaml", "rootless-pvc.yaml"])
def test_the_cache_on_a_volume_outlives_its_pod(
    cluster: Cluster, client: Program, tmp_path: Path, name: str
) -> None:
    context = write_tree(tmp_path / "context", TWO_STEPS)
    options = (*WHERE, "--key", "any", "--progress", "plain", "-v")
    with volumes(cluster, tmp_path / name.replace(".", "-")), applied(cluster, name):
        first = client.ok("build", *options, context)
        cluster.kubectl("delete", "pod", first.daemon, f"--namespace={NAMESPACE}")
        cluster.wait_ready(SELECTOR, 3, namespace=NAMESPACE)
        second = client.ok("build", *options, context)

    assert first.daemon == second.daemon
    assert list(first.steps.values()) == [False, False]
    assert list(second.steps.values()) == [True, True]


def test_a_privileged_daemon_runs_in_a_user_namespace_too(
    cluster: Cluster, client: Program, tmp_path: Path
) -> None:
    # The README's line for it, in the manifest where it says.
    items = manifests_of("privileged.yaml")
    (spec,) = (each["spec"] for each in items if each["kind"] == "StatefulSet")
    spec["replicas"] = 1
    spec["template"]["spec"]["hostUsers"] = False
    context = with_busybox(tmp_path / "context", ("RUN echo in a step > /done",))
    try:
        cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        (pod,) = cluster.wait_ready(SELECTOR, 1, namespace=NAMESPACE)
        files = building_on_home(client, tmp_path).files(BuildRequest(context=str(context)))
        mapped = cluster.kubectl("exec", pod, f"--namespace={NAMESPACE}", "--", "cat", "/proc/self/uid_map")
    finally:
        remove(cluster, "statefulset")

    assert files["done"] == b"in a step\n"
    inside, outside, _ = mapped.split()
    assert inside == "0"
    assert int(outside) > 0


def remove(cluster: Cluster, kind: str) -> None:
    """Remove the daemons of one kind, and don't wait for their grace."""
    cluster.kubectl("delete", kind, "--all", f"--namespace={NAMESPACE}", "--wait=false")
    cluster.kubectl(
        "delete", "pods", f"--selector={SELECTOR}", f"--namespace={NAMESPACE}", "--grace-period=1"
    )


def test_a_fleet_of_two_architectures_builds_each_platform_at_home(
    cluster: Cluster, client: Program, tmp_path: Path
) -> None:
    # The test's only node is one of the two; pods for the other stay pending.
    context = write_tree(tmp_path / "context", HELLO)
    here, there = ("amd64", "arm64") if architecture(cluster) == "amd64" else ("arm64", "amd64")
    with volumes(cluster, tmp_path / "multi", count=4):
        apply_example(cluster, "multi-arch.yaml")
        try:
            cluster.wait_ready(f"{SELECTOR},arch={here}", 2, namespace=NAMESPACE)
            asked = ("where", *WHERE, "--format=json", "--key=any")
            order = client.ok(*asked, f"--platform=linux/{here}").json["order"]
            built = client.ok("build", *WHERE, f"--platform=linux/{here}", "-v", context)
            missing = client.run("build", *WHERE, f"--platform=linux/{there}", context)
        finally:
            remove(cluster, "statefulset")

    assert {each["name"] for each in order if each["fit"]} == {f"buildkitd-{here}-{n}" for n in "01"}
    assert built.daemon.startswith(f"buildkitd-{here}-")
    assert missing.code == 69
    assert f"2 runs on linux/{here}; others run on linux/{there}" in missing.stderr
    assert "2 unschedulable" in missing.stderr


def architecture(cluster: Cluster) -> str:
    """Return the node's architecture, as Kubernetes calls it."""
    (node,) = cluster.get("nodes")["items"]
    return str(node["metadata"]["labels"]["kubernetes.io/arch"])


class Proxy:
    """An HTTP proxy that answers everything by itself, and keeps what it was asked for."""

    def __init__(self, host: str) -> None:
        asked = self.asked = list[str]()

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "6")
                self.end_headers()
                self.wfile.write(b"proxy\n")

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        self.server = http.server.ThreadingHTTPServer((host, 0), Answer)

    @property
    def url(self) -> str:
        """The proxy's URL."""
        host, port = self.server.server_address[:2]
        return f"http://{host!s}:{port}"


@contextmanager
def proxy_on(host: str) -> Iterator[Proxy]:
    """Start a proxy."""
    proxy = Proxy(host)
    thread = threading.Thread(target=proxy.server.serve_forever, name="proxy")
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join()


def test_the_daemon_goes_by_its_proxies_and_steps_by_the_clients(
    cluster: Cluster, client: Program, tmp_path: Path
) -> None:
    start = ("COPY busybox /bin/busybox", "ENV PATH=/bin", "ADD http://daemon.example/file /added")
    fetching = with_busybox(
        tmp_path / "fetching", (*start, "RUN busybox wget -q -O /step http://step.example/")
    )
    looking = with_busybox(tmp_path / "looking", (*start, "RUN busybox env > /step"))
    with (
        proxy_on(cluster.node_ip) as daemons,
        proxy_on(cluster.node_ip) as clients,
        proxied(cluster, daemons),
        applied(cluster, "privileged.yaml"),
    ):
        builder = building_on_home(client, tmp_path)
        builder.environment["DOCKER_CONFIG"] = str(docker_config(tmp_path / "docker", clients))
        files = builder.files(BuildRequest(context=str(fetching)))
        del builder.environment["DOCKER_CONFIG"]
        without = builder.files(BuildRequest(context=str(looking)))

    assert files["added"] == b"proxy\n"
    assert files["step"] == b"proxy\n"
    assert set(daemons.asked) == {"http://daemon.example/file"}
    assert clients.asked == ["http://step.example/"]
    assert b"PATH=" in without["step"]
    assert b"proxy" not in without["step"].lower()


@contextmanager
def proxied(cluster: Cluster, proxy: Proxy) -> Iterator[None]:
    """Apply proxy.yaml, its proxy replaced by one that there is."""
    text = (EXAMPLE / "proxy.yaml").read_text()
    cluster.apply(text.replace("http://proxy.example.com:3128", proxy.url))
    try:
        yield
    finally:
        cluster.kubectl("delete", "configmap", "buildkitd-proxy", f"--namespace={NAMESPACE}")


def docker_config(folder: Path, proxy: Proxy) -> Path:
    """Write a docker config with a proxy for builds, as its users have it."""
    config = {"proxies": {"default": {"httpProxy": proxy.url}}}
    return write_tree(folder, {"config.json": json.dumps(config)})


def test_the_network_policy_is_taken_and_names_the_fleet(cluster: Cluster, client: Program) -> None:
    del client
    apply_example(cluster, "network-policy.yaml")
    try:
        spec = cluster.get("networkpolicy", "buildkitd", f"--namespace={NAMESPACE}")["spec"]
    finally:
        cluster.kubectl("delete", "networkpolicy", "buildkitd", f"--namespace={NAMESPACE}")

    assert spec["podSelector"]["matchLabels"] == read("privileged.yaml")["spec"]["selector"]["matchLabels"]
    port = read("mtls.yaml")["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"]
    assert spec["ingress"][0]["ports"][0]["port"] == port


VARIANTS = (
    "privileged.yaml",
    "privileged-pvc.yaml",
    "rootless.yaml",
    "rootless-pvc.yaml",
    "mtls.yaml",
    "multi-arch.yaml",
    "containerd-worker.yaml",
)
# What a variant is about; everything else is the same in all of them.
OWN = ("args", "env", "image", "ports", "securityContext", "volumeMounts")


def read(name: str) -> Any:
    """Return the first of a file's manifests that has pods."""
    return workloads_of(name)[0]


def common(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what all variants should agree on."""
    pod = dict(manifest["spec"]["template"]["spec"])
    (container,) = pod.pop("containers")
    for name in ("nodeSelector", "securityContext", "volumes"):
        with suppress(KeyError):
            del pod[name]
    return {**pod, **{name: value for name, value in container.items() if name not in OWN}}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_variants_differ_only_in_what_they_are_about(name: str) -> None:
    found = workloads_of(name)

    assert [common(each) for each in found] == [common(read("privileged.yaml"))] * len(found)


def test_every_manifest_is_one_that_a_test_applies() -> None:
    others = {
        "base.yaml",
        "client.yaml",
        "client-more.yaml",
        "client-pod-ip.yaml",
        "client-port-forward.yaml",
        "network-policy.yaml",
        "proxy.yaml",
    }

    assert {path.name for path in EXAMPLE.glob("*.yaml")} == others | set(VARIANTS)
