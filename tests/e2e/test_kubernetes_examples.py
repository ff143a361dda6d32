"""The manifests of examples/k8s_buildkitd, applied as they stand, and built on by the account that they make.

Two things stand in for what a real cluster has: the images carry upstream's names but are made here, for
there is no registry to pull from; and volumes are folders of this machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from router import BuildRequest, RouterConfig
from tests.e2e.builder import Builder, write_tree
from tests.e2e.kubernetes import EXAMPLE, NAMESPACE, Deleting, applied, kubeconfig, with_busybox
from tests.e2e.program import Program
from tests.servers import images
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

WHERE = ("--selector", "app=buildkitd", "--namespace", NAMESPACE)
TWO_STEPS = {"Dockerfile": "FROM scratch\nCOPY a /a\nCOPY b /b\n", "a": "a", "b": "b"}


@pytest.fixture(scope="module")
def client(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """warmroute as the account that the example makes for a CI job."""
    cluster.load_image(images.rootless_tar())
    cluster.kubectl("apply", f"--filename={EXAMPLE / 'base.yaml'}", f"--filename={EXAMPLE / 'client.yaml'}")
    token = cluster.kubectl("create", "token", "builder", f"--namespace={NAMESPACE}").strip()
    path = tmp_path_factory.mktemp("client") / "kubeconfig"
    return Program(environment={"KUBECONFIG": str(kubeconfig(cluster, path, {"user": {"token": token}}))})


@contextmanager
def volumes(cluster: Cluster, folder: Path) -> Iterator[None]:
    """Provide three volumes of this machine, which an ordinary user may write, as a storage class would."""
    cluster.apply(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [_volume(folder, n) for n in "012"]})
    )
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


@pytest.mark.parametrize("name", ["privileged.yaml", "rootless.yaml"])
def test_each_variant_builds_and_lets_a_build_finish_when_its_pod_is_deleted(
    cluster: Cluster, client: Program, tmp_path: Path, name: str
) -> None:
    context = with_busybox(tmp_path / "context", ("RUN echo waiting; sleep 3; echo done > /done",))
    with applied(cluster, name) as pods:
        home = client.ok("where", *WHERE, "--format", "json", "any").json["home"]
        deleting = Deleting(cluster, home, f"--namespace={NAMESPACE}", "--wait=false")
        builder = Builder(
            config=RouterConfig(selector="app=buildkitd", namespace=NAMESPACE, key="any"),
            scratch=tmp_path,
            environment=dict(client.environment),
            then=deleting,
        )

        files = builder.files(BuildRequest(context=str(context)))

        assert deleting.done
        assert files["done"] == b"done\n"
        assert not builder.warnings
        assert home in pods
        cluster.wait_ready("app=buildkitd", 3, namespace=NAMESPACE)


@pytest.mark.parametrize("name", ["privileged-pvc.yaml", "rootless-pvc.yaml"])
def test_the_cache_on_a_volume_outlives_its_pod(
    cluster: Cluster, client: Program, tmp_path: Path, name: str
) -> None:
    context = write_tree(tmp_path / "context", TWO_STEPS)
    options = (*WHERE, "--key", "any", "--progress", "plain", "-v")
    with volumes(cluster, tmp_path / name.replace(".", "-")), applied(cluster, name):
        first = client.ok("build", *options, context)
        cluster.kubectl("delete", "pod", first.daemon, f"--namespace={NAMESPACE}")
        cluster.wait_ready("app=buildkitd", 3, namespace=NAMESPACE)
        second = client.ok("build", *options, context)

    assert first.daemon == second.daemon
    assert list(first.steps.values()) == [False, False]
    assert list(second.steps.values()) == [True, True]


def rights() -> list[tuple[str, str]]:
    """Return every right that the example gives, as pairs of resource and verb."""
    documents = list(yaml.safe_load_all((EXAMPLE / "client.yaml").read_text()))
    rules: list[Any] = next(each["rules"] for each in documents if each["kind"] == "Role")
    return [(rule["resources"][0], verb) for rule in rules for verb in rule["verbs"]]


def test_the_role_is_the_smallest_that_works(cluster: Cluster, client: Program, tmp_path: Path) -> None:
    context = write_tree(tmp_path / "context", TWO_STEPS)
    given = rights()
    with applied(cluster, "privileged.yaml"):
        try:
            failed = {missing: build_without(cluster, client, missing, context) for missing in given}
        finally:
            cluster.kubectl("apply", f"--filename={EXAMPLE / 'client.yaml'}")
        client.ok("build", *WHERE, context)

    assert len(given) == 3
    for (resource, verb), told in failed.items():
        assert "forbidden" in told
        hint = told.partition("hint: a Role in namespace buildkit must allow ")[2]
        assert verb in hint
        assert hint.endswith(f" on {resource}\n")


def build_without(cluster: Cluster, client: Program, missing: tuple[str, str], context: Path) -> str:
    """Take one right away from the example's role; return what a build then says."""
    rules = [
        {"apiGroups": [""], "resources": [resource], "verbs": [verb]}
        for resource, verb in rights()
        if (resource, verb) != missing
    ]
    patch = json.dumps({"rules": rules})
    cluster.kubectl(
        "patch", "role", "builder", f"--namespace={NAMESPACE}", "--type=merge", f"--patch={patch}"
    )
    done = client.run("build", *WHERE, context)
    assert done.code == 69
    return done.stderr
