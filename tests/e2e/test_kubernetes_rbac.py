"""The example's Roles, each the smallest that works: a build with it, and without each of its rights.

The account has a token and these rights, nothing else. The daemons are those of mtls.yaml, which can be
reached every way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.builder import write_tree
from tests.e2e.example_fleet import SERVER_NAME, WHERE, account, apply_example, secured
from tests.e2e.kubernetes import EXAMPLE, HELLO, NAMESPACE, SELECTOR, wait_for
from tests.e2e.processes import Installed
from tests.e2e.program import Finished, Program
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

Right = tuple[str, str]

# What stands in each file, said once more: a right that is added there has to be defended here.
ROLES: Mapping[str, tuple[str, Sequence[Right]]] = {
    "exec": ("client.yaml", [("pods", "list"), ("pods/exec", "create"), ("pods/exec", "get")]),
    "port-forward": (
        "client-port-forward.yaml",
        [("pods", "list"), ("pods/portforward", "create"), ("pods/portforward", "get")],
    ),
    "pod-ip": ("client-pod-ip.yaml", [("pods", "list")]),
}


@dataclass(frozen=True, kw_only=True)
class Client:
    """warmroute as the account `builder`, with a certificate for the daemons."""

    program: Program
    tls: Sequence[str | Path]
    context: Path

    def build(self, *options: str) -> Finished:
        """Build, whatever comes of it."""
        return self.program.run("build", *WHERE, *self.tls, *options, self.context)


@pytest.fixture(scope="module")
def client(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("rbac")
    with secured(cluster, folder, "rbac") as made:
        yield Client(
            program=account(cluster, folder),
            tls=("--tls-dir", made.client, "--tls-server-name", SERVER_NAME),
            context=write_tree(folder / "context", HELLO),
        )
    apply_example(cluster, "client.yaml")  # what other tests expect


def rights_of(name: str) -> list[Right]:
    """Return every right that a file gives, as pairs of resource and verb."""
    documents = list(yaml.safe_load_all((EXAMPLE / name).read_text()))
    rules: list[Any] = next(each["rules"] for each in documents if each["kind"] == "Role")
    return [(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]]


@pytest.mark.parametrize("via", ROLES)
def test_the_role_is_enough_for_its_way(cluster: Cluster, client: Client, via: str) -> None:
    name, rights = ROLES[via]
    apply_example(cluster, name)

    done = client.build("--via", via)

    assert done.code == 0, done.stderr
    assert sorted(rights_of(name)) == sorted(rights)


@pytest.mark.parametrize(
    ("via", "missing"), [(via, right) for via, (_, rights) in ROLES.items() for right in rights], ids=str
)
def test_without_one_of_its_rights_the_error_names_it(
    cluster: Cluster, client: Client, via: str, missing: Right
) -> None:
    name, rights = ROLES[via]
    apply_example(cluster, name)
    with lacking(cluster, missing, rights):
        done = client.build("--via", via)

    resource, verb = missing
    assert done.code == 69
    assert "forbidden" in done.stderr
    assert "system:serviceaccount:buildkit:builder" in done.stderr or verb == "create"
    hint = done.stderr.partition("hint: a Role in namespace buildkit must allow ")[2]
    assert verb in hint
    assert hint.endswith(f" on {resource}\n")


@contextmanager
def lacking(cluster: Cluster, missing: Right, rights: Sequence[Right]) -> Iterator[None]:
    """Take one right away from the account's role, which the next test applies anew."""
    rules = [
        {"apiGroups": [""], "resources": [resource], "verbs": [verb]}
        for resource, verb in rights
        if (resource, verb) != missing
    ]
    patch = json.dumps({"rules": rules})
    cluster.kubectl(
        "patch", "role", "builder", f"--namespace={NAMESPACE}", "--type=merge", f"--patch={patch}"
    )
    yield


def test_with_port_forward_alone_auto_finds_its_way(cluster: Cluster, client: Client) -> None:
    apply_example(cluster, "client-port-forward.yaml")

    done = client.build("-v")

    assert done.code == 0, done.stderr
    assert " by port-forward: pods/exec is forbidden" in done.stderr


def test_to_list_pods_does_not_open_the_daemons(cluster: Cluster, client: Client) -> None:
    apply_example(cluster, "client-pod-ip.yaml")

    without_tls = client.program.run("build", *WHERE, "--via=pod-ip", client.context)
    by_exec = client.build("--via=exec")

    assert without_tls.code == by_exec.code == 69
    assert "TLS" in without_tls.stderr
    assert "pods/exec is forbidden" in by_exec.stderr


@contextmanager
def one_pod_gone(cluster: Cluster) -> Iterator[str]:
    """Delete the last member, and keep its StatefulSet from making it anew."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "2"}}}
    cluster.apply(json.dumps({**quota, "metadata": {"name": "two", "namespace": NAMESPACE}}))
    try:
        cluster.kubectl("delete", "pod", "buildkitd-2", f"--namespace={NAMESPACE}")
        yield "buildkitd-2"
    finally:
        cluster.kubectl("delete", "resourcequota", "two", f"--namespace={NAMESPACE}")
        # The controller rests longer after each failure; a change of its object wakes it.
        cluster.kubectl(
            "annotate", "statefulset", "buildkitd", f"--namespace={NAMESPACE}", "wake=up", "--overwrite"
        )
        cluster.wait_ready(SELECTOR, 3, namespace=NAMESPACE)


def test_to_read_statefulsets_shows_a_member_that_is_not_there(cluster: Cluster, client: Client) -> None:
    apply_example(cluster, "client.yaml")
    ask = ("where", *WHERE, "--format=json", "--key=any")
    with one_pod_gone(cluster) as gone:
        without = client.program.ok(*ask).json["order"]
        with more(cluster):
            order = client.program.ok(*ask).json["order"]

    assert gone not in {each["name"] for each in without}
    assert {each["name"]: each["state"] for each in order}[gone] == "missing"


@contextmanager
def more(cluster: Cluster) -> Iterator[None]:
    """Give the account the two rights that builds do without."""
    apply_example(cluster, "client-more.yaml")
    try:
        yield
    finally:
        manifest = f"--filename={EXAMPLE / 'client-more.yaml'}"
        cluster.kubectl("delete", manifest)


def scaled(cluster: Cluster, replicas: int) -> None:
    """Change how many pods there are to be."""
    cluster.kubectl("scale", "statefulset/buildkitd", f"--namespace={NAMESPACE}", f"--replicas={replicas}")


def test_to_watch_pods_saves_a_waiting_build_from_listing_them(cluster: Cluster, client: Client) -> None:
    apply_example(cluster, "client.yaml")
    warmroute = Installed(environment=client.program.environment)
    scaled(cluster, 0)
    try:
        wait_for(lambda: not cluster.pods(SELECTOR, NAMESPACE), "all pods are gone")
        with more(cluster), warmroute.started("build", *WHERE, "--wait=60s", client.context) as building:
            building.read_until(b"waiting for")
            scaled(cluster, 3)
            code = building.wait(within=60)
    finally:
        scaled(cluster, 3)
        cluster.wait_ready(SELECTOR, 3, namespace=NAMESPACE)

    assert code == 0, building.output.decode()
    assert b"is ready after" in building.output
    assert b"can't watch" not in building.output


@pytest.mark.parametrize("name", [*(name for name, _ in ROLES.values()), "client-more.yaml"])
def test_the_account_may_do_nothing_else(cluster: Cluster, client: Client, name: str) -> None:
    del client
    apply_example(cluster, "client.yaml")
    apply_example(cluster, name)  # all but the last take the place of the one before
    try:
        allowed = what_it_may(cluster)
    finally:
        if name == "client-more.yaml":
            cluster.kubectl("delete", f"--filename={EXAMPLE / name}")

    base = rights_of("client.yaml") if name == "client-more.yaml" else []
    assert sorted(allowed) == sorted({*base, *rights_of(name)})


def what_it_may(cluster: Cluster) -> list[Right]:
    """Return every right on a kind of object that the API server says the account has in its namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": NAMESPACE},
    }
    answer = cluster.kubectl(
        "create",
        f"--as=system:serviceaccount:{NAMESPACE}:builder",
        "--validate=false",
        "--filename=-",
        "--output=json",
        input=json.dumps(review),
    )
    rules: list[Any] = json.loads(answer)["status"]["resourceRules"]
    return [
        (resource, verb)
        for rule in rules
        for resource in rule["resources"]
        for verb in rule["verbs"]
        # Everybody may ask what he may.
        if not rule["apiGroups"][0].endswith(("authorization.k8s.io", "authentication.k8s.io"))
    ]
