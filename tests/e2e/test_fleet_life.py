"""`warmroute fleet status`, `scale` and `down` on the one-node cluster, with volumes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.kubernetes import HELLO, Rights, kubeconfig, user_with, wait_for
from tests.e2e.program import Finished, Program
from tests.schemas import validated
from tests.servers import images
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

NAMESPACE = "life"
WHERE = ("--namespace", NAMESPACE)
QUICK = ("--grace-period", "5s", "--requests", "cpu=10m,memory=64Mi")


@pytest.fixture
def program(cluster: Cluster, tmp_path: Path) -> Iterator[Program]:
    """warmroute as administrator, and three volumes; what it made is removed."""
    cluster.apply(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": list(volumes(tmp_path / "volumes"))})
    )
    yield Program(environment={"KUBECONFIG": str(cluster.kubeconfig)})
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", within=120)
    cluster.kubectl("delete", "pv", "--selector=for=life")


def volumes(folder: Path) -> Iterator[dict[str, object]]:
    for number in range(3):
        path = folder / str(number)
        path.mkdir(parents=True)
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"life-{number}", "labels": {"for": "life"}},
            "spec": {
                "capacity": {"storage": "50Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": str(path)},
            },
        }


def claims(cluster: Cluster) -> list[str]:
    found = cluster.get("pvc", f"--namespace={NAMESPACE}")["items"]
    return sorted(each["metadata"]["name"] for each in found)


def fleet(program: Program, verb: str, *options: str) -> Finished:
    return program.run("fleet", verb, "ci", *WHERE, *options, within=120)


def test_a_fleet_is_scaled_down_and_up_again_warm_and_removed_without_its_volumes(
    cluster: Cluster, program: Program, tmp_path: Path
) -> None:
    up = fleet(program, "up", *QUICK, "--create-namespace", "--storage=50Gi")
    assert up.code == 0, up.stderr
    context = write_tree(tmp_path / "context", HELLO)
    build = ("build", "--selector=app=ci", *WHERE, "--key=any", "-v", "--progress=plain", context)
    first = program.ok(*build)
    three = fleet(program, "status", "--format=json")
    rules = program.ok("debug", "workers", "--selector=app=ci", *WHERE, "--format=json").json

    second_alone = fleet(program, "status", "--daemon=ci-1", "--format=json")
    down_to_one = fleet(program, "scale", "--replicas=1", "--format=json")
    one = fleet(program, "status", "--format=json")
    # The same options, and no size: it stays as large as it is.
    kept = fleet(program, "up", *QUICK, "--storage=50Gi")
    up_to_three = fleet(program, "scale", "--replicas=3")
    second = program.ok(*build)
    table = fleet(program, "status")

    gone = fleet(program, "down", "--format=json")
    left = claims(cluster)
    objects = cluster.get("all,configmap,role,sa,pdb", "-lwarmroute.dev/fleet=ci", f"--namespace={NAMESPACE}")
    again = fleet(program, "up", *QUICK, "--storage=50Gi")
    third = program.ok(*build)
    refused = fleet(program, "down", "--volumes")
    for_good = fleet(program, "down", "--volumes", "--force")
    nothing = claims(cluster)

    (state,) = three.json
    assert [pod["name"] for pod in state["pods"]] == ["ci-0", "ci-1", "ci-2"]
    for number, pod in enumerate(state["pods"]):
        assert (pod["ready"], pod["state"], pod["reason"]) == (True, "ready", "")
        assert pod["image"] == "moby/buildkit:v0.32.1"
        assert pod["arch"]
        assert (pod["volume"], pod["volumeSize"], pod["volumeState"]) == (
            f"state-ci-{number}",
            "50Gi",
            "Bound",
        )
    for worker in (each for listed in rules for each in listed["workers"]):
        assert [rule["maxUsedSpace"] for rule in worker["gcPolicy"]] == [
            (50 << 30) * share // 100 for share in (60, 60, 80, 80)
        ]
        assert [rule["minFreeSpace"] for rule in worker["gcPolicy"]] == [0, 0, 5 << 30, 5 << 30]

    assert down_to_one.code == 0, down_to_one.stderr
    assert validated("fleet scale", down_to_one.json) == {
        "name": "ci",
        "namespace": NAMESPACE,
        "pools": [{"name": "ci", "before": 3, "after": 1}],
        "daemons": ["ci-0"],
    }
    assert "ci goes from 3 to 1 daemons: the volumes of those that go stay" in down_to_one.stderr
    shown = [[pod["name"] for pod in each.json[0]["pods"]] for each in (second_alone, one)]
    assert shown == [["ci-1"], ["ci-0"]]
    assert "the fleet ci is ready: 1 daemon; build with" in kept.stderr
    assert up_to_three.code == 0, up_to_three.stderr
    assert first.daemon == second.daemon == third.daemon
    assert list(second.steps.values()) == list(third.steps.values()) == [True]
    assert "ci in namespace life: ci 3 of 3 ready" in table.stdout

    assert gone.code == 0, gone.stderr
    assert (len(gone.json["removed"]), gone.json["keptVolumes"]) == (7, left)
    assert "3 volumes stay, with the caches on them" in gone.stderr
    assert left == ["state-ci-0", "state-ci-1", "state-ci-2"]
    assert objects["items"] == []
    assert again.code == 0, again.stderr
    assert refused.code == 2
    assert "fleet down --volumes asks before it deletes, and stdin is no terminal" in refused.stderr
    assert for_good.code == 0, for_good.stderr
    assert nothing == []


def test_a_pod_that_waits_for_a_volume_is_shown_with_the_reason(cluster: Cluster, program: Program) -> None:
    late = fleet(
        program, "up", *QUICK, "--create-namespace", "--replicas=1", "--storage=900Gi", "--ready-within=6s"
    )
    status = fleet(program, "status")
    told: Any = fleet(program, "status", "--format=json").json[0]
    other = program.run("fleet", "status", "other", *WHERE)
    none = program.run("fleet", "down", "other", *WHERE)
    no_daemon = fleet(program, "status", "--daemon=ci-7")
    removed = fleet(program, "down", "--volumes", "-f")
    nothing = claims(cluster)

    assert late.code == 69
    assert "ci-0: unschedulable: " in late.stderr
    assert status.code == 69
    assert "ci 0 of 1 ready" in status.stdout
    assert "ci-0: unschedulable: 0/1 nodes are available: pod has unbound immediate" in status.stdout
    assert told["ready"] is False
    assert told["pods"][0]["volumeState"] == "Pending"
    assert no_daemon.code == 69
    assert 'no fleet in namespace life has a daemon named "ci-7"; there are ci-0' in no_daemon.stderr
    assert other.code == none.code == 2
    assert "there is no fleet other in namespace life; there are ci" in other.stderr
    assert "there is no fleet other in namespace life" in none.stderr
    assert removed.code == 0, removed.stderr
    assert nothing == []


def test_a_claim_that_stays_in_use_is_named_and_the_fleet_forgotten(
    cluster: Cluster, program: Program, tmp_path: Path
) -> None:
    program = replace(program, environment={**program.environment, "XDG_CONFIG_HOME": str(tmp_path)})
    up = fleet(program, "up", *QUICK, "--create-namespace", "--replicas=1", "--storage=50Gi")
    user = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "user", "namespace": NAMESPACE},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "c",
                    "image": images.BUSYBOX,
                    "imagePullPolicy": "Never",
                    "command": ["sleep", "3600"],
                    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                }
            ],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "state-ci-0"}}],
        },
    }
    cluster.apply(json.dumps(user))

    late = fleet(program, "down", "--volumes", "-f", "--ready-within=15s")
    cluster.kubectl("delete", "pod", "user", f"--namespace={NAMESPACE}", "--wait=false")

    assert up.code == 0, up.stderr
    assert late.code == 69
    assert (
        "volume claims of the fleet ci are still there after 15 s: PersistentVolumeClaim state-ci-0"
        in late.stderr
    )
    assert "--fleet ci names it from now on" in up.stderr
    assert "[fleet.ci] is taken out of" in late.stderr
    wait_for(lambda: not claims(cluster), "the claim goes with the pod that used it", within=60)


def test_without_rights_nothing_is_scaled_and_nothing_removed(
    cluster: Cluster, program: Program, tmp_path: Path
) -> None:
    del program
    rights: Rights = [("pods", ["list"]), ("services", ["list", "delete"])]
    user = user_with(cluster, "looker", rights)
    config = kubeconfig(cluster, tmp_path / "looker.kubeconfig", {"user": user})
    looker = Program(environment={"KUBECONFIG": str(config)})

    down = looker.run("fleet", "down", "ci", "--namespace=default")
    status = looker.run("fleet", "status", "--namespace=default")

    assert down.code == status.code == 69
    assert "can't remove the fleet ci in namespace default: this user lacks the right to " in down.stderr
    assert "list, delete statefulsets.apps" in down.stderr
    assert "can't list statefulsets: " in status.stderr
    assert 'cannot list resource "statefulsets"' in status.stderr
