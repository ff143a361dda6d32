"""How a pod is, in a word or two."""

from __future__ import annotations

from typing import Any

import pytest

from router.kubernetes.pod_state import pod_state

_NOT_READY = {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}


def _pod(*containers: dict[str, Any], spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "buildkitd-0"},
        "spec": spec or {},
        "status": {
            "phase": "Running",
            "conditions": [_NOT_READY],
            "containerStatuses": list(containers),
            **status,
        },
    }


def _waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"name": "buildkitd", "state": {"waiting": {"reason": reason, "message": message}}, **more}


def _running(*, ready: bool, started: bool = True, name: str = "buildkitd") -> dict[str, Any]:
    return {"name": name, "state": {"running": {}}, "ready": ready, "started": started}


def _ended(code: int, reason: str) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason}}


@pytest.mark.parametrize(
    ("pod", "word", "detail"),
    [
        (_pod(_waiting("ContainerCreating"), phase="Pending"), "ContainerCreating", ""),
        (_pod(_waiting("ErrImagePull", "no such\nimage")), "ErrImagePull", "no such image"),
        (
            _pod(_waiting("CrashLoopBackOff", "back-off 10s", lastState=_ended(137, "OOMKilled"))),
            "CrashLoopBackOff",
            "it exited with 137 (OOMKilled)",
        ),
        (
            _pod(_waiting("CrashLoopBackOff", lastState=_ended(1, "Error"))),
            "CrashLoopBackOff",
            "it exited with 1",
        ),
        (_pod({"name": "buildkitd", "state": _ended(2, "Error")}), "Error", "it exited with 2"),
        (_pod(_running(ready=False)), "readiness probe not passing", ""),
        (_pod(_running(ready=False, started=False)), "starting", ""),
        (
            _pod(_running(ready=False, name="sidecar"), _waiting("CrashLoopBackOff")),
            "CrashLoopBackOff",
            "",
        ),
        (_pod(_running(ready=True)), "not ready", ""),
        (
            _pod(_running(ready=True), spec={"readinessGates": [{"conditionType": "example.com/warm"}]}),
            "readiness gate not passed",
            "example.com/warm",
        ),
        (
            _pod(conditions=[{"type": "Ready", "status": "Unknown"}]),
            "unknown",
            "its node does not answer",
        ),
        (
            _pod(
                phase="Pending",
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/1 nodes are available: 1 Insufficient memory.",
                    }
                ],
            ),
            "unschedulable",
            "0/1 nodes are available: 1 Insufficient memory.",
        ),
        (
            _pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]),
            "SchedulingGated",
            "",
        ),
        (
            _pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
            "Evicted",
            "The node was low on resource: memory.",
        ),
        (_pod(phase="Succeeded"), "succeeded", ""),
        (_pod(phase="Pending", conditions=None), "pending", ""),
    ],
)
def test_a_pod_that_is_not_ready_says_what_kubectl_says(pod: dict[str, Any], word: str, detail: str) -> None:
    state = pod_state(pod)

    assert (state.word, state.detail, state.ready) == (word, detail, False)


@pytest.mark.parametrize(
    ("statuses", "word"),
    [
        ([_running(ready=False)], "Init:0/1"),
        ([{"state": _ended(0, "Completed")}, _waiting("PodInitializing")], "Init:1/2"),
        ([_waiting("CrashLoopBackOff")], "Init:CrashLoopBackOff"),
        ([{"state": _ended(3, "Error")}], "Init:Error"),
        ([{"state": _ended(0, "Completed")}], "ContainerCreating"),
        ([_running(ready=True, name="proxy")], "ContainerCreating"),
    ],
)
def test_init_containers_are_named_while_they_run(statuses: list[dict[str, Any]], word: str) -> None:
    spec = {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}, {"name": "buildkitd"}]}
    pod = _pod(_waiting("ContainerCreating"), spec=spec, phase="Pending", initContainerStatuses=statuses)

    assert pod_state(pod).word == word


def test_a_pod_without_any_status_is_not_ready() -> None:
    assert pod_state({"metadata": {"name": "a"}}).word == "not ready"
