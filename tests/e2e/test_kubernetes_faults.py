"""What goes wrong on Kubernetes: pods that can't build or go away, a cluster that can't be reached."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from router import Attempt, BuildRequest, ConnectionLostError, RouterConfig
from router.model.events import Event
from tests.addressed import addressed
from tests.e2e.builder import Builder, write_tree
from tests.e2e.kubernetes import HELLO, SELECTOR, Deleting, kubeconfig, no_new_pods, wait_for, with_busybox
from tests.e2e.program import Program
from tests.e2e.recorder import Recorder
from tests.servers import images
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", HELLO)


@pytest.fixture
def pair(cluster: Cluster) -> tuple[str, ...]:
    """Two buildkitd pods that a test may break: the StatefulSet makes new ones."""
    return cluster.apply_buildkitd("pair", replicas=2)


def states(program: Program, selector: str) -> dict[str, str]:
    listed = program.ok("ls", "--selector", selector, "--format", "json").json
    return {daemon["name"]: daemon["state"] for daemon in listed}


def test_pods_that_are_not_ready_are_listed_and_left_out(
    cluster: Cluster, pair: tuple[str, ...], program: Program, context: Path
) -> None:
    with no_new_pods(cluster):
        cluster.kubectl("delete", "pod", pair[0])
        wait_for(lambda: len(cluster.pods("app=pair")) == 2, "a new pod is pending")

        assert states(program, "app=pair") == {pair[0]: "unschedulable", pair[1]: "ready"}
        where = program.ok("where", "--selector", "app=pair", "--format", "json", "--key=any").json
        left_out = {each["name"]: each["reason"] for each in where["order"] if not each["fit"]}
        assert left_out == {pair[0]: "unschedulable"}
        cluster.kubectl("delete", "pod", pair[1])
        wait_for(lambda: len(cluster.pods("app=pair")) == 2, "both new pods are pending")
        done = program.run("build", "--selector", "app=pair", context)

    assert done.code == 69
    assert "no ready buildkitd pod" in done.stderr
    assert "2 seen: 2 unschedulable" in done.stderr
    assert "kubectl get pods -n default -l app=pair" in done.stderr


def test_a_pod_that_is_being_deleted_takes_no_build(
    cluster: Cluster, pair: tuple[str, ...], program: Program, context: Path
) -> None:
    hold, release = ({"metadata": {"finalizers": value}} for value in (["warmroute.test/hold"], None))
    patch = ("patch", "pod", pair[0], "--type=merge", "--patch")
    cluster.kubectl(*patch, json.dumps(hold))
    cluster.kubectl("delete", "pod", pair[0], "--wait=false")
    try:
        assert states(program, "app=pair") == {pair[0]: "terminating", pair[1]: "ready"}
        for key in ("a", "b", "c", "d"):
            done = program.ok("build", "--selector", "app=pair", "--key", key, "-v", context)
            assert done.daemon == pair[1]
    finally:
        cluster.kubectl(*patch, json.dumps(release))


def test_without_any_pod_the_error_says_what_was_looked_for(program: Program, context: Path) -> None:
    done = program.run("build", "--selector", "app=nothing", context)

    assert done.code == 69
    assert "no buildkitd pods matching app=nothing in namespace default" in done.stderr
    assert "kubectl get pods -n default -l app=nothing" in done.stderr


def test_a_selector_that_cannot_be_read_is_the_users_fault(program: Program, context: Path) -> None:
    done = program.run("build", "--selector", "app in", context)

    assert done.code == 2
    assert "app=buildkitd" in done.stderr


@pytest.mark.parametrize("options", [("--wait=false", "--grace-period=0", "--force"), ("--wait=false",)])
def test_a_build_whose_pod_goes_away_is_begun_anew(
    cluster: Cluster, pair: tuple[str, ...], program: Program, tmp_path: Path, options: tuple[str, ...]
) -> None:
    where = program.ok("where", "--selector", "app=pair", "--format", "json", "--key=any").json
    home, second = (each["name"] for each in where["order"])
    # A step has the pod's network, so it can tell where it is: it hangs on the home alone.
    lines = ("ARG HOME_IP", "RUN if ip addr | grep -q $HOME_IP/; then echo waiting; sleep 120; fi")
    deleting = Deleting(cluster, home, *options)
    builder = Builder(
        config=RouterConfig(selector="app=pair", key="any"),
        scratch=tmp_path,
        environment=dict(program.environment),
        then=deleting,
    )
    arguments = {"HOME_IP": cluster.pod_ip(home)}
    context = with_busybox(tmp_path / "context", lines)

    result = builder.build(BuildRequest(context=str(context), build_args=arguments))

    assert deleting.done
    attempts = [event for event in builder.events if isinstance(event, Attempt)]
    assert (attempts[-1].number, attempts[-1].daemon) == (2, result.daemon)
    assert f"lost {home}" in attempts[1].reason
    # A pod that is deleted by force has its successor, of the same name, within two seconds.
    assert result.daemon in {second, home} if "--force" in options else result.daemon == second
    assert {home, second} == set(pair)


def test_without_another_pod_the_error_says_what_became_of_the_connection(
    cluster: Cluster, pair: tuple[str, ...], program: Program, tmp_path: Path
) -> None:
    context = with_busybox(tmp_path / "context", ("RUN echo waiting; sleep 120",))
    builder = Builder(
        config=RouterConfig(addresses=addressed(("only", f"kube-pod://{pair[0]}")), retries=0),
        scratch=tmp_path,
        environment=dict(program.environment),
        then=Deleting(cluster, pair[0], "--wait=false", "--grace-period=0", "--force"),
    )

    # Both are the whole truth of what happened, and which one does is up to the kubelet. A daemon that can
    # still take its leave closes the connection itself: the command then ends well, and there is nothing
    # more to say of it. One that is killed first takes the command with it, whose end is told.
    told = rf"lost only .*(buildctl dial-stdio in pod {pair[0]} .* ended|it is going away)"
    with pytest.raises(ConnectionLostError, match=told) as caught:
        builder.build(BuildRequest(context=str(context)))

    assert caught.value.exit_code == 69


def pod(name: str, containers: list[dict[str, object]], **meta: object) -> str:
    """Return a pod of busybox containers, each given by what differs, as a manifest."""
    common = {
        "image": images.BUSYBOX,
        "imagePullPolicy": "Never",
        "command": ["sleep", "3600"],
    }
    spec = {
        "containers": [{**common, **each} for each in containers],
        "terminationGracePeriodSeconds": 0,
    }
    labels = {"app": name}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels, **meta},
            "spec": spec,
        }
    )


BUILDKITD: dict[str, object] = {
    "image": images.BUILDKIT,
    "command": ["buildkitd", "--oci-worker-net=host"],
    "securityContext": {"privileged": True},
    "readinessProbe": {"exec": {"command": ["buildctl", "debug", "workers"]}, "periodSeconds": 1},
}


def test_an_image_without_buildctl_is_named_as_such(
    cluster: Cluster, program: Program, context: Path
) -> None:
    cluster.apply(pod("bare", [{"name": "buildkitd"}]))
    cluster.wait_ready("app=bare", 1)

    done = program.run("build", "--selector", "app=bare", context)

    assert done.code == 69
    assert "can't run buildctl in pod bare in namespace default: it is not in the container" in done.stderr
    assert "moby/buildkit" in done.stderr


def test_a_pod_whose_daemon_does_not_run_says_so(cluster: Cluster, program: Program, context: Path) -> None:
    cluster.apply(pod("idle", [{"name": "buildkitd", "image": images.BUILDKIT}]))
    cluster.wait_ready("app=idle", 1)

    done = program.run("build", "--selector", "app=idle", context)

    assert done.code == 69
    assert "does buildkitd run in that container" in done.stderr


@pytest.mark.parametrize(
    ("name", "annotations"),
    [
        ("buildkitd", {}),
        ("builder", {"kubectl.kubernetes.io/default-container": "builder"}),
    ],
)
def test_the_container_with_buildkitd_is_found_among_others(
    cluster: Cluster, program: Program, context: Path, name: str, annotations: dict[str, str]
) -> None:
    containers: list[dict[str, object]] = [{"name": "sidecar"}, {**BUILDKITD, "name": name}]
    cluster.apply(pod(f"many-{name}", containers, annotations=annotations))
    cluster.wait_ready(f"app=many-{name}", 1)
    address = f"kube-pod://many-{name}"

    program.ok("build", "--selector", f"app=many-{name}", context)
    program.ok("build", "--addr", f"{address}?container={name}", context)
    sidecar = program.run("build", "--addr", f"{address}?container=sidecar", context)
    missing = program.run("build", "--addr", f"{address}?container=missing", context)

    assert (sidecar.code, missing.code) == (69, 69)
    assert "it is not in the container" in sidecar.stderr
    assert "container missing is not valid" in missing.stderr
    assert "container=" in missing.stderr


@pytest.mark.usefixtures("fleet")
def test_a_pod_that_does_not_exist_is_named(program: Program, context: Path) -> None:
    done = program.run("build", "--addr", "kube-pod://nobody", context)

    assert done.code == 69
    assert "pod nobody in namespace default does not exist" in done.stderr


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_silent_api_server_is_given_up_in_time(
    cluster: Cluster, tmp_path: Path, context: Path, silent_port: int
) -> None:
    server = {"cluster": {"server": f"https://127.0.0.1:{silent_port}"}}
    program = Program(environment={"KUBECONFIG": str(kubeconfig(cluster, tmp_path / "kubeconfig", server))})

    done = program.run("build", "--selector", SELECTOR, "--connect-timeout", "2", context)

    assert done.code == 69
    assert f"https://127.0.0.1:{silent_port}" in done.stderr
    assert done.seconds < 10


def test_an_api_server_that_is_down_is_told_at_once(cluster: Cluster, tmp_path: Path, context: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, not listening
        server = {"cluster": {"server": f"https://127.0.0.1:{closed.getsockname()[1]}"}}
        path = kubeconfig(cluster, tmp_path / "kubeconfig", server)
        done = Program(environment={"KUBECONFIG": str(path)}).run("build", "--selector", SELECTOR, context)

    assert done.code == 69
    assert "refused" in done.stderr
    assert done.seconds < 10


class Gone:
    """Hears of a build's events: when a daemon is first tried, the way to the API server closes for 2 s."""

    def __init__(self, cluster: Cluster) -> None:
        self._port = cluster.plan.ports.apiserver
        self._way = Recorder(self._port)
        self._at = self._way.port
        self.server = f"https://127.0.0.1:{self._at}"
        self._back: threading.Timer | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Attempt) and self._back is None:
            self._way.close()
            self._back = threading.Timer(2.0, self._come_back)
            self._back.start()

    def _come_back(self) -> None:
        self._way = Recorder(self._port, at=self._at)

    def close(self) -> None:
        if self._back is not None:
            self._back.join()
        self._way.close()


@pytest.mark.parametrize("via", ["exec", "port-forward"])
def test_an_api_server_that_restarts_between_the_list_and_the_build_is_waited_for(
    cluster: Cluster,
    fleet: tuple[str, ...],
    tmp_path: Path,
    context: Path,
    via: Literal["exec", "port-forward"],
) -> None:
    with closing(Gone(cluster)) as gone:
        path = kubeconfig(cluster, tmp_path / "kubeconfig", {"cluster": {"server": gone.server}})
        builder = Builder(
            config=RouterConfig(selector=SELECTOR, via=via, key="any"),
            scratch=tmp_path,
            environment={"KUBECONFIG": str(path)},
            then=gone,
        )
        result = builder.build(BuildRequest(context=str(context)))

    assert result.daemon in fleet
    assert result.place.number == 1
    assert any("waiting for a daemon for up to 30 s" in warning for warning in builder.warnings)


@pytest.mark.usefixtures("fleet")
def test_ls_shows_the_rest_when_a_pod_is_frozen(
    cluster: Cluster, pair: tuple[str, ...], program: Program
) -> None:
    pid = cluster.pod_pid(pair[0])
    subprocess.run(["kill", "-STOP", str(pid)], check=True)
    try:
        done = program.run("ls", "--selector", "app=pair", "--connect-timeout", "2", "--format", "json")
    finally:
        subprocess.run(["kill", "-CONT", str(pid)], check=True)

    assert [daemon["state"] for daemon in done.json] == ["unreachable", "ready"]
    assert done.json[1]["version"]
    assert done.code == 69
