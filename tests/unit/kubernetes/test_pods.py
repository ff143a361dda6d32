"""Pods as daemons: state, container, address."""

from __future__ import annotations

from typing import Any

import pytest

from router.kubernetes.pods import Reach, daemon_of_pod

EXEC = Reach(namespace="ci", context="lab", pod_ip=False)


def pod(
    *,
    containers: list[dict[str, Any]] | None = None,
    annotations: dict[str, str] | None = None,
    status: dict[str, Any] | None = None,
    **meta: Any,
) -> dict[str, Any]:
    """Return a ready pod, changed as the arguments say."""
    return {
        "metadata": {
            "name": "buildkitd-0",
            "namespace": "ci",
            "labels": {"app": "buildkitd"},
            "annotations": annotations or {},
            **meta,
        },
        "spec": {"containers": containers if containers is not None else [{"name": "buildkitd"}]},
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.7",
            "conditions": [{"type": "Ready", "status": "True"}],
            **(status or {}),
        },
    }


NOT_READY = {"conditions": [{"type": "Ready", "status": "False"}]}


def test_a_ready_pod_is_a_ready_daemon_named_after_it() -> None:
    daemon = daemon_of_pod(pod(annotations={"a": "b"}), EXEC)
    assert (daemon.name, daemon.ready, daemon.terminating, daemon.state) == (
        "buildkitd-0",
        True,
        False,
        "ready",
    )
    assert daemon.labels == {"app": "buildkitd"}
    assert daemon.annotations == {"a": "b"}


def test_a_terminating_pod_is_not_ready_whatever_its_condition_says() -> None:
    daemon = daemon_of_pod(pod(deletionTimestamp="2026-01-01T00:00:00Z"), EXEC)
    assert (daemon.ready, daemon.terminating, daemon.state) == (False, True, "terminating")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (NOT_READY, "not ready"),
        ({"phase": "Pending", "conditions": None}, "pending"),
        ({"phase": "Succeeded"} | NOT_READY, "succeeded"),
        (
            NOT_READY | {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
            "CrashLoopBackOff",
        ),
    ],
)
def test_a_pod_that_is_not_ready_says_why_in_a_word(status: dict[str, Any], state: str) -> None:
    daemon = daemon_of_pod(pod(status=status), EXEC)
    assert (daemon.ready, daemon.state) == (False, state)


@pytest.mark.parametrize(
    ("names", "annotation", "chosen"),
    [
        (["sidecar", "buildkitd"], "sidecar", "buildkitd"),
        (["sidecar", "daemon"], "daemon", "daemon"),
        (["daemon", "sidecar"], "gone", "daemon"),
        (["daemon", "sidecar"], None, "daemon"),
    ],
)
def test_the_container_is_found_by_name_then_annotation_then_order(
    names: list[str], annotation: str | None, chosen: str
) -> None:
    annotations = {"kubectl.kubernetes.io/default-container": annotation} if annotation else {}
    daemon = daemon_of_pod(pod(containers=[{"name": name} for name in names], annotations=annotations), EXEC)
    assert str(daemon.address) == f"kube-pod://buildkitd-0?namespace=ci&context=lab&container={chosen}"


@pytest.mark.parametrize(
    ("annotations", "cordon"),
    [
        ({}, None),
        ({"warmroute.dev/cordon": "false"}, None),
        ({"warmroute.dev/cordon": "False "}, None),
        ({"warmroute.dev/cordon": "true"}, ""),
        ({"warmroute.dev/cordon": ""}, ""),
        ({"warmroute.dev/cordon": "no"}, "no"),
        ({"warmroute.dev/cordon": " its disk\nis slow "}, "its disk is slow"),
    ],
)
def test_any_value_but_false_cordons(annotations: dict[str, str], cordon: str | None) -> None:
    assert daemon_of_pod(pod(annotations=annotations), EXEC).cordon == cordon


@pytest.mark.parametrize(
    ("value", "bound"),
    [("4", 4), (" 12 ", 12), ("0", 0), ("-1", None), ("many", None), ("", None), ("²", None)],
)
def test_a_pod_may_set_its_own_bound(value: str, bound: int | None) -> None:
    daemon = daemon_of_pod(pod(annotations={"warmroute.dev/max-builds": value}), EXEC)
    assert daemon.max_builds == bound


def test_a_pod_may_say_what_it_builds_for_and_its_node_selector_what_it_runs_on() -> None:
    described = pod(annotations={"warmroute.dev/platforms": "linux/amd64, linux/arm64,"})
    described["spec"]["nodeSelector"] = {"kubernetes.io/arch": "amd64"}
    daemon = daemon_of_pod(described, EXEC)
    assert (daemon.platforms, daemon.native) == (("linux/amd64", "linux/arm64"), ("linux/amd64",))


def test_a_pod_ip_is_dialled_at_the_port_that_is_named_after_the_daemon() -> None:
    ports = [
        {"name": "debug", "containerPort": 6060},
        {"name": "buildkitd", "containerPort": 1235, "protocol": "TCP"},
    ]
    reach = Reach(namespace="ci", context=None, pod_ip=None)
    daemon = daemon_of_pod(pod(containers=[{"name": "buildkitd", "ports": ports}]), reach)
    assert (
        str(daemon.address) == "kube-pod://buildkitd-0?namespace=ci&container=buildkitd&ip=10.0.0.7&port=1235"
    )


def test_a_pod_ip_is_dialled_at_the_first_tcp_port_without_a_name() -> None:
    ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 8080}]
    reach = Reach(namespace="ci", context=None, pod_ip=True)
    status = {"podIP": "fd00::7"}
    daemon = daemon_of_pod(pod(containers=[{"name": "buildkitd", "ports": ports}], status=status), reach)
    assert (
        str(daemon.address) == "kube-pod://buildkitd-0?namespace=ci&container=buildkitd&ip=fd00::7&port=8080"
    )


def test_a_pod_that_declares_no_port_is_reached_by_exec_unless_its_ip_is_asked_for() -> None:
    undecided = Reach(namespace="ci", context=None, pod_ip=None)
    asked = Reach(namespace="ci", context=None, pod_ip=True)
    address = "kube-pod://buildkitd-0?namespace=ci&container=buildkitd"
    assert str(daemon_of_pod(pod(), undecided).address) == address
    assert str(daemon_of_pod(pod(), asked).address) == f"{address}&ip=10.0.0.7"


def test_a_pod_without_an_ip_yet_has_an_address_all_the_same() -> None:
    reach = Reach(namespace="ci", context=None, pod_ip=True)
    daemon = daemon_of_pod(pod(status={"podIP": ""}), reach)
    assert str(daemon.address) == "kube-pod://buildkitd-0?namespace=ci&container=buildkitd"
