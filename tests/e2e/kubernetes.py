"""What tests on Kubernetes share: three pods, the program with a kubeconfig, users with few rights."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.model.events import Event, SolveStatus
from tests.e2e.builder import write_tree
from tests.e2e.program import Program
from tests.servers import binaries
from tests.servers.cluster import Cluster
from tests.servers.cluster.plan import NODE

SELECTOR = "app=buildkitd"
EXAMPLE = Path(__file__).parents[2] / "examples" / "k8s_buildkitd"
NAMESPACE = "buildkit"  # the example's
HELLO = {"Dockerfile": "FROM scratch\nCOPY hello /hello\n", "hello": "hello\n"}


@pytest.fixture(scope="session")
def fleet(cluster: Cluster) -> tuple[str, ...]:
    """The names of three buildkitd pods, ready. A test that breaks one waits until it is back."""
    return cluster.apply_buildkitd(replicas=3)


@pytest.fixture
def program(cluster: Cluster) -> Program:
    """warmroute, as the cluster's administrator."""
    return Program(environment={"KUBECONFIG": str(cluster.kubeconfig)})


def manifests_of(name: str) -> list[Any]:
    """Return the manifests of a file of the example."""
    return list(yaml.safe_load_all((EXAMPLE / name).read_text()))


def workloads_of(name: str) -> list[Any]:
    """Return those of a file's manifests that have pods."""
    return [each for each in manifests_of(name) if "template" in each.get("spec", {})]


@contextmanager
def no_new_pods(cluster: Cluster) -> Iterator[None]:
    """Keep pods that are created meanwhile from starting: they stay pending until the end."""
    cluster.kubectl("cordon", NODE)
    try:
        yield
    finally:
        cluster.kubectl("uncordon", NODE)


@contextmanager
def applied(cluster: Cluster, name: str) -> Iterator[tuple[str, ...]]:
    """Apply a StatefulSet of the example; yield its pods' names, and remove it."""
    manifest = f"--filename={EXAMPLE / name}"
    cluster.kubectl("apply", manifest)
    try:
        yield cluster.wait_ready("app=buildkitd", 3, namespace=NAMESPACE)
    finally:
        cluster.kubectl("delete", manifest, "--wait=false")
        cluster.kubectl(
            "delete", "pods", "--selector=app=buildkitd", f"--namespace={NAMESPACE}", "--grace-period=1"
        )


def with_busybox(folder: Path, lines: Sequence[str]) -> Path:
    """Write a context whose Dockerfile has a shell and these lines; nothing is pulled for it."""
    start = ("FROM scratch", "COPY busybox /bin/sh", 'SHELL ["/bin/sh", "-c"]')
    write_tree(folder, {"Dockerfile": "\n".join([*start, *lines, ""])})
    shutil.copy(binaries.busybox(), folder / "busybox")
    return folder


def wait_for(condition: Callable[[], bool], what: str, within: float = 30.0) -> None:
    """Return once the condition holds; for what no server tells by itself."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(0.05)


def kubeconfig(cluster: Cluster, path: Path, changes: Mapping[str, Mapping[str, object]]) -> Path:
    """Write the administrator's kubeconfig with other values in its `cluster`, `user` or `context`."""
    config: dict[str, Any] = json.loads(cluster.kubeconfig.read_text())
    for kind, values in changes.items():
        entry = config[f"{kind}s"][0]
        entry[kind] = {**({} if kind == "user" else entry[kind]), **values}
    path.write_text(json.dumps(config))
    return path


Rights = Sequence[tuple[str, Sequence[str]]]


def user_with(cluster: Cluster, name: str, rights: Rights) -> Mapping[str, object]:
    """Create a service account with these rights, (resource, verbs), alone; return a kubeconfig's user."""
    rules = [{"apiGroups": [""], "resources": [resource], "verbs": list(verbs)} for resource, verbs in rights]
    meta = {"name": name, "namespace": "default"}
    rbac = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", **meta}
    items = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [subject],
        },
    ]
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return {"token": cluster.kubectl("create", "token", name).strip()}


class Deleting:
    """Hears of a build's events; runs `kubectl delete pod` once, when a step writes "waiting"."""

    def __init__(self, cluster: Cluster, *arguments: str) -> None:
        self.done = False
        self._cluster = cluster
        self._arguments = arguments

    def __call__(self, event: Event) -> None:
        logs = event.logs if isinstance(event, SolveStatus) else ()
        if not self.done and any(b"waiting" in log.data for log in logs):
            self.done = True
            self._cluster.kubectl("delete", "pod", *self._arguments)
