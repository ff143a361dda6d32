"""`warmroute fleet up` on the one-node cluster: fleets that it makes, changes, and fails to make."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.kubernetes import HELLO, kubeconfig, user_with
from tests.e2e.program import WARMROUTE, Finished, Program
from tests.servers import images
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

NAMESPACE = "ci"
WHERE = ("--namespace", NAMESPACE)
# As short as tests are: nothing of theirs has to end in peace.
QUICK = ("--grace-period", "5s", "--requests", "cpu=10m,memory=64Mi")


@pytest.fixture
def program(cluster: Cluster) -> Iterator[Program]:
    """warmroute as administrator; what it made is removed."""
    yield Program(environment={"KUBECONFIG": str(cluster.kubeconfig)})
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", within=120)


def up(program: Program, *options: str | Path, within: float = 120.0) -> Finished:
    return program.run("fleet", "up", "ci", *WHERE, *QUICK, *options, within=within)


def objects(cluster: Cluster) -> list[Any]:
    """Return the fleet's objects as kubectl sees them."""
    kinds = "statefulset,service,pdb,serviceaccount,role,rolebinding,configmap,networkpolicy"
    found = cluster.get(kinds, f"--namespace={NAMESPACE}", "--selector=warmroute.dev/fleet=ci")
    return list(found["items"])


def test_a_fleet_is_made_builds_and_is_left_as_it_is_by_the_same_command(
    cluster: Cluster, program: Program, tmp_path: Path
) -> None:
    done = up(program, "--create-namespace", "--replicas=2", "--network-policy")
    assert done.code == 0, done.stderr
    made = {each["kind"] for each in objects(cluster)}
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in cluster.pods("app=ci", NAMESPACE)}

    # What it prints is all that a build needs.
    variables = dict(line.removeprefix("export ").split("=", 1) for line in done.stdout.splitlines())
    context = write_tree(tmp_path / "context", HELLO)
    built = Program(environment={**program.environment, **variables}).ok("build", "--key=any", "-v", context)
    workers = program.ok("debug", "workers", "--selector=app=ci", *WHERE, "--format=json").json
    again = up(program, "--create-namespace", "--network-policy", "--format=json")
    after = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in cluster.pods("app=ci", NAMESPACE)}

    assert variables == {"WARMROUTE_SELECTOR": "app=ci", "WARMROUTE_NAMESPACE": NAMESPACE}
    assert "the fleet ci is ready: 2 daemons" in done.stderr
    assert "ci-0 ready" in done.stderr
    assert made == {
        "StatefulSet",
        "Service",
        "PodDisruptionBudget",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ConfigMap",
        "NetworkPolicy",
    }
    assert built.daemon in before
    assert again.code == 0, again.stderr
    assert {each["kind"] for each in again.json["objects"]} == made | {"Namespace"}
    assert {each["state"] for each in again.json["objects"]} == {"unchanged"}
    assert again.json["daemons"] == ["ci-0", "ci-1"]
    assert again.json["environment"] == variables
    assert "created" not in again.stderr
    assert "changed" not in again.stderr.replace("unchanged", "")
    assert after == before
    for worker in (each for listed in workers for each in listed["workers"]):
        first, *_ = worker["gcPolicy"]
        assert first["filter"] == [
            "type==source.local",
            "type==exec.cachemount",
            "type==source.git.checkout",
        ]
        assert first["keepDuration"] == 14 * 24 * 3600 * 10**9
        assert first["maxUsedSpace"] > 10 * 10**9


def test_a_pod_that_can_not_start_is_told_with_its_reason_and_mended_by_the_right_image(
    program: Program,
) -> None:
    image = "--image=registry.invalid/none:1"
    wrong = up(program, "--create-namespace", "--replicas=1", image, "--ready-within=8s")
    right = up(program)

    assert wrong.code == 69
    assert "the fleet ci is not ready after 8 s: ci-0: " in wrong.stderr
    assert "ImagePull" in wrong.stderr
    assert "warmroute fleet status ci --namespace ci" in wrong.stderr
    assert right.code == 0, right.stderr
    assert "ci-0 ready" in right.stderr


def test_interrupted_it_ends_at_once_and_says_how_to_remove_what_is_there(program: Program) -> None:
    words = ("fleet", "up", "ci", *WHERE, *QUICK, "--create-namespace", "--image=registry.invalid/none:1")
    environment = {"PATH": SEARCH_PATH, "HOME": "/nonexistent", **program.environment}
    with subprocess.Popen(
        [WARMROUTE, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        told = next(line for line in process.stderr if line.startswith("ci-0 "))
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        rest = process.stderr.read()
        code = process.wait(timeout=10)

    assert told
    assert code == 130
    assert time.monotonic() - started < 2
    assert "making the fleet ci was interrupted" in rest
    assert "to remove the fleet: warmroute fleet down ci --namespace ci" in rest


def test_without_rights_it_names_those_that_are_missing_and_makes_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    rights = [("services", ["get", "create", "patch"]), ("pods", ["list"])]
    user = user_with(cluster, "maker", rights)
    config = kubeconfig(cluster, tmp_path / "maker.kubeconfig", {"user": user})
    maker = Program(environment={"KUBECONFIG": str(config)})

    done = maker.run("fleet", "up", "ci", "--namespace=default")

    assert done.code == 69
    assert "can't make the fleet ci in namespace default: this user lacks the right to " in done.stderr
    assert "get, create, patch statefulsets.apps" in done.stderr
    assert "roles.rbac.authorization.k8s.io" in done.stderr
    assert " services" not in done.stderr
    assert cluster.get("service", "--namespace=default", "--selector=warmroute.dev/fleet=ci")["items"] == []


def test_half_a_fleet_is_told_with_what_is_there_and_how_to_remove_it(
    cluster: Cluster, program: Program
) -> None:
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl("create", "configmap", "ci-config", f"--namespace={NAMESPACE}")

    done = up(program)

    assert done.code == 69
    assert "ConfigMap ci-config is there already and was not made by warmroute" in done.stderr
    assert "of the fleet there are Service ci, PodDisruptionBudget ci, " in done.stderr
    assert "warmroute fleet down ci --namespace ci" in done.stderr


def test_pods_that_a_quota_forbids_are_told_with_the_reason(cluster: Cluster, program: Program) -> None:
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl("create", "quota", "none", "--hard=pods=0", f"--namespace={NAMESPACE}")

    done = up(program, "--ready-within=8s")

    assert done.code == 69
    assert "StatefulSet ci has no pods: " in done.stderr
    assert "exceeded quota: none" in done.stderr


def test_a_namespace_that_is_not_there_is_named(program: Program) -> None:
    done = up(program)

    assert done.code == 69
    assert 'namespaces "ci" not found' in done.stderr
    assert "--create-namespace makes it" in done.stderr


def test_an_object_that_kubernetes_refuses_is_told_in_its_words(program: Program) -> None:
    done = up(program, "--create-namespace", "--pod-annotation=not a name=x")

    assert done.code == 69
    assert "can't apply StatefulSet ci: " in done.stderr
    assert "annotations" in done.stderr


def policies(program: Program) -> list[list[tuple[int, int]]]:
    """Return keepDuration and maxUsedSpace of each rule, for each daemon."""
    listed = program.ok("debug", "workers", "--selector=app=ci", *WHERE, "--format=json").json
    return [
        [(rule["keepDuration"], rule["maxUsedSpace"]) for rule in worker["gcPolicy"]]
        for daemon in listed
        for worker in daemon["workers"]
    ]


def test_a_changed_configuration_replaces_the_daemons(
    cluster: Cluster, program: Program, tmp_path: Path
) -> None:
    config = tmp_path / "buildkitd.toml"
    config.write_text("[worker.oci]\n  max-parallelism = 4\n")
    first = up(program, "--create-namespace", "--replicas=1", f"--config={config}")
    ours = policies(program)
    before = {pod["metadata"]["uid"] for pod in cluster.pods("app=ci", NAMESPACE)}
    config.write_text('[[worker.oci.gcpolicy]]\n  all = true\n  maxUsedSpace = "1GB"\n')

    second = up(program, f"--config={config}")
    after = {pod["metadata"]["uid"] for pod in cluster.pods("app=ci", NAMESPACE)}

    assert first.code == second.code == 0, first.stderr + second.stderr
    assert [len(rules) for rules in ours] == [4]
    assert policies(program) == [[(0, 1 << 30)]]
    assert "ConfigMap ci-config changed" in second.stderr
    assert not before & after


def test_rootless_daemons_have_the_policy_too(cluster: Cluster, program: Program) -> None:
    cluster.load_image(images.rootless_tar())

    done = up(program, "--create-namespace", "--replicas=1", "--rootless")

    assert done.code == 0, done.stderr
    ((first, *_),) = policies(program)
    assert first[0] == 14 * 24 * 3600 * 10**9


def test_each_architecture_has_a_pool_and_one_without_nodes_says_so(
    cluster: Cluster, program: Program
) -> None:
    (node,) = cluster.get("nodes")["items"]
    here = node["metadata"]["labels"]["kubernetes.io/arch"]
    there = {"amd64": "arm64", "arm64": "amd64"}[here]

    done = up(program, "--create-namespace", "--replicas=1", f"--arch={here},{there}", "--ready-within=10s")
    status = program.run("fleet", "status", "ci", *WHERE, "--format=json").json[0]

    assert done.code == 69
    assert f"ci-{there}-0: unschedulable: " in done.stderr
    assert f"ci-{here}-0 ready" in done.stderr
    assert [(pod["name"], pod["arch"], pod["ready"]) for pod in status["pods"]] == sorted(
        [(f"ci-{here}-0", here, True), (f"ci-{there}-0", there, False)]
    )


def test_what_others_have_set_is_a_conflict_but_for_the_size(cluster: Cluster, program: Program) -> None:
    assert up(program, "--create-namespace", "--replicas=1").code == 0
    cluster.kubectl("scale", "statefulset", "ci", "--replicas=2", f"--namespace={NAMESPACE}")
    scaled = up(program)
    patch = json.dumps({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}})
    cluster.kubectl("patch", "statefulset", "ci", f"--patch={patch}", f"--namespace={NAMESPACE}")
    conflict = up(program)
    taken = up(program, "--force-conflicts")

    assert scaled.code == 0, scaled.stderr
    assert "is ready: 2 daemons;" in scaled.stderr
    assert conflict.code == 69
    assert "conflict with " in conflict.stderr
    assert "terminationGracePeriodSeconds" in conflict.stderr
    assert "--force-conflicts takes over the fields" in conflict.stderr
    assert taken.code == 0, taken.stderr
    spec = cluster.get("statefulset", "ci", f"--namespace={NAMESPACE}")["spec"]
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 5
    assert spec["replicas"] == 2


def test_print_needs_no_cluster_and_is_what_kubectl_applies(cluster: Cluster, program: Program) -> None:
    printed = Program().ok("fleet", "up", "ci", *WHERE, *QUICK, "--create-namespace", "--print")
    refused = Program().run("fleet", "up", "ci", "--print", "--format=json")

    cluster.apply(printed.stdout)
    cluster.wait_ready("app=ci", 3, namespace=NAMESPACE)
    taken_over = up(program, "--force-conflicts")

    assert (refused.code, refused.stdout) == (2, "")
    assert "--print and --format json exclude each other" in refused.stderr
    assert taken_over.code == 0, taken_over.stderr
    assert json.dumps(cluster.get("statefulset", "ci", *(f"--namespace={NAMESPACE}",))).count('"replicas": 3')
