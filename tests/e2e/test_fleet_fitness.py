"""Who is fit, and who is who: on a real Kubernetes, as `where`, `ls` and `build` tell it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.kubernetes import HELLO, SELECTOR, kubeconfig, no_new_pods, user_with, wait_for
from tests.e2e.program import Program
from tests.e2e.test_fleet_kubernetes import idle_pod
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

KEYS = tuple(f"registry.example.com/team/app-{number}" for number in range(200))


def where(program: Program, *args: str) -> Any:
    """Return what `where` tells programs."""
    return program.ok("where", "--format", "json", *args).json


def reasons(route: Any) -> dict[str, str]:
    """Return why each daemon is left out, by its name."""
    return {entry["name"]: entry["reason"] for entry in route["order"]}


@contextmanager
def annotated(cluster: Cluster, pod: str, value: str) -> Iterator[None]:
    """Give a pod an annotation, NAME=VALUE, for a while."""
    cluster.kubectl("annotate", "pod", pod, value)
    try:
        yield
    finally:
        cluster.kubectl("annotate", "pod", pod, f"{value.partition('=')[0]}-")


@contextmanager
def deleted_afterwards(cluster: Cluster, *what: str) -> Iterator[None]:
    """Delete objects at the end, at once."""
    try:
        yield
    finally:
        cluster.kubectl("delete", *what, "--ignore-not-found", "--grace-period=0", "--force", "--wait=false")


def test_a_cordoned_pod_takes_no_builds_and_all_commands_say_why(
    cluster: Cluster, fleet: tuple[str, ...], program: Program, tmp_path: Path
) -> None:
    context = write_tree(tmp_path / "hello", HELLO)
    home = where(program, "-l", SELECTOR, "--key=hello")["home"]
    assert program.ok("build", "-v", "-l", SELECTOR, "--key", "hello", context).daemon == home

    with annotated(cluster, home, "warmroute.dev/cordon=its disk is being replaced"):
        route = where(program, "-l", SELECTOR, "--key=hello")
        listed = {entry["name"]: entry for entry in program.ok("ls", "-l", SELECTOR, "--format", "json").json}
        table = program.ok("ls", "-l", SELECTOR).stdout
        built = program.ok("build", "-v", "-l", SELECTOR, "--key", "hello", context)

    assert route["home"] == home
    assert route["order"][0]["exclusions"] == [
        {"kind": "cordoned", "text": "cordoned (its disk is being replaced)"}
    ]
    assert (listed[home]["cordoned"], listed[home]["cordon"]) == (True, "its disk is being replaced")
    assert f"{home}: cordoned (its disk is being replaced)" in table
    assert f"skipping {home}: cordoned (its disk is being replaced)" in built.stderr
    assert built.daemon == route["order"][1]["name"] != home
    assert program.ok("build", "-v", "-l", SELECTOR, "--key", "hello", context).daemon == home
    assert set(fleet) == set(reasons(route))


def test_a_pod_s_own_bound_is_listed(cluster: Cluster, fleet: tuple[str, ...], program: Program) -> None:
    with annotated(cluster, fleet[0], "warmroute.dev/max-builds=4"):
        listed = program.ok("ls", "-l", SELECTOR, "--format", "json").json
        table = program.ok("ls", "-l", SELECTOR).stdout
    with annotated(cluster, fleet[0], "warmroute.dev/max-builds=lots"):
        wrong = program.ok("ls", "-l", SELECTOR).stdout

    assert [entry["max_builds"] for entry in listed] == [4, None, None]
    assert "0 of 4" in table
    assert f'{fleet[0]}: the annotation warmroute.dev/max-builds is not a number: "lots"' in wrong


def test_where_and_ls_know_the_same_precise_state(cluster: Cluster, program: Program, tmp_path: Path) -> None:
    context = write_tree(tmp_path / "hello", HELLO)
    cluster.apply(idle_pod("broken", app="states", image="docker.io/library/no-such-image:1"))
    with deleted_afterwards(cluster, "pod", "broken"):
        wait_for(
            lambda: reasons(where(program, "-l", "app=states", "--key=k")) == {"broken": "ErrImageNeverPull"},
            "the state is the reason",
        )
        (listed,) = program.ok("ls", "-l", "app=states", "--format", "json").json
        failed = program.run("build", "-l", "app=states", "--key", "k", context)

    assert listed["state"] == "ErrImageNeverPull"
    assert "no-such-image" in listed["detail"]
    assert failed.code == 69
    assert (
        "no ready buildkitd pods matching app=states in namespace default (1 seen: 1 ErrImageNeverPull)"
        in (failed.stderr)
    )


def stateful_set(name: str, replicas: int) -> str:
    """Return a StatefulSet whose first pod never starts, so that the others are never created."""
    labels = {"app": name}
    pod = json.loads(idle_pod(name, app=name, image="docker.io/library/no-such-image:1"))["spec"]
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "serviceName": name,
                "replicas": replicas,
                "ordinals": {"start": 2},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }
    )


def test_members_that_were_never_created_have_their_places(
    cluster: Cluster, program: Program, tmp_path: Path
) -> None:
    cluster.apply(stateful_set("absent", 3))
    with deleted_afterwards(cluster, "statefulset", "absent"):
        wait_for(lambda: len(cluster.pods("app=absent")) == 1, "the first pod is created")
        order = where(program, "-l", "app=absent", "--key=k")["order"]
        user = user_with(cluster, "lists-only", [("pods", ["list"])])
        least = Program(
            environment={"KUBECONFIG": str(kubeconfig(cluster, tmp_path / "config", {"user": user}))}
        )
        seen = where(least, "-l", "app=absent", "--key=k")["order"]

    assert sorted(entry["name"] for entry in order) == ["absent-2", "absent-3", "absent-4"]
    assert {entry["name"]: entry["reason"] for entry in order if entry["name"] != "absent-2"} == {
        "absent-3": "missing",
        "absent-4": "missing",
    }
    assert [entry["name"] for entry in seen] == ["absent-2"]


def slotted(name: str, slot: str) -> str:
    """Return a Deployment of one pod that carries its slot as a label."""
    labels = {"app": "slotted", "slot": slot}
    pod = json.loads(idle_pod(name, app="slotted"))["spec"]
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "default", "labels": {"app": "slotted"}},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }
    )


def test_deployments_keep_their_keys_by_a_label_through_a_rollout(cluster: Cluster, program: Program) -> None:
    slots = ("a", "b", "c")
    for slot in slots:
        cluster.apply(slotted(f"slot-{slot}", slot))
    by_slot = ("-l", "app=slotted", "--identity", "label:slot", *KEYS)
    with deleted_afterwards(cluster, "deployment", "-l", "app=slotted"):
        cluster.wait_ready("app=slotted", len(slots))
        before = where(program, *by_slot)
        cluster.kubectl("rollout", "restart", "deployment", "slot-a")
        during = [where(program, *by_slot)]
        cluster.kubectl("rollout", "status", "deployment", "slot-a", "--timeout=60s")
        cluster.wait_ready("app=slotted", len(slots))
        after = where(program, *by_slot)

    def homes(routes: Any) -> list[str]:
        return [route["order"][0]["identity"] for route in routes]

    assert homes(before) == homes(after)
    assert all(homes(before) == homes(routes) for routes in during)
    assert {route["home"] for route in before} != {route["home"] for route in after}
    assert set(homes(before)) == set(slots)


def test_two_pods_of_one_identity_are_an_error_that_names_both(cluster: Cluster, program: Program) -> None:
    for name in ("twin-1", "twin-2"):
        cluster.apply(idle_pod(name, app="twins"))
    with deleted_afterwards(cluster, "pods", "-l", "app=twins"):
        cluster.wait_ready("app=twins", 2)
        same_label = program.run("where", "-l", "app=twins", "--identity", "label:app", "--key=k")
        same_node = program.run("where", "-l", "app=twins", "--identity", "node", "--key=k")
        without = where(program, "-l", "app=twins", "--identity", "annotation:slot", "--key=k")
        cluster.kubectl("annotate", "pod", "twin-1", "slot=a")
        one_placed = where(program, "-l", "app=twins", "--identity", "annotation:slot", "--key=k")

    assert 'twin-1 and twin-2 have the same identity "twins"' in same_label.stderr
    assert "twin-1 and twin-2 have the same identity" in same_node.stderr
    assert (same_label.code, same_node.code) == (69, 69)
    assert set(reasons(without).values()) == {"has no annotation slot"}
    assert reasons(one_placed) == {"twin-1": "", "twin-2": "has no annotation slot"}
    assert one_placed["home"] == "twin-1"


def first_fit(routes: Any) -> dict[str, str]:
    """Return where each key is built now."""
    return {route["key"]: next(entry["name"] for entry in route["order"] if entry["fit"]) for route in routes}


def test_the_restart_of_a_pod_moves_its_own_keys_only_and_for_as_long_as_it_lasts(
    cluster: Cluster, fleet: tuple[str, ...], program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    def all_keys() -> Any:
        return where(program, "-l", SELECTOR, *KEYS)

    before, lost = all_keys(), fleet[1]
    own = {route["key"] for route in before if route["home"] == lost}
    phases: dict[str, Any] = {}
    with no_new_pods(cluster):
        cluster.kubectl("delete", "pod", lost, "--wait=false")
        phases["terminating"] = all_keys()
        wait_for(
            lambda: reasons(where(program, "-l", SELECTOR, "--key=k"))[lost] == "unschedulable",
            "the new pod waits for a node",
        )
        phases["unschedulable"] = all_keys()
    phases["starting"] = all_keys()
    cluster.wait_ready(SELECTOR, len(fleet))
    phases["back"] = all_keys()

    at_home = first_fit(before)
    moved = {
        name: {key for key, daemon in first_fit(routes).items() if daemon != at_home[key]}
        for name, routes in phases.items()
    }
    assert all(
        [route["home"] for route in routes] == [route["home"] for route in before]
        for routes in phases.values()
    )
    assert moved["terminating"] == moved["unschedulable"] == own
    assert moved["starting"] <= own
    assert moved["back"] == set()
    with capsys.disabled():
        counts = ", ".join(f"{name} {len(keys)}" for name, keys in moved.items())
        sys.stdout.write(f"\n{len(KEYS)} keys, {len(own)} of them {lost}'s own; moved while {counts}\n")
