"""When a workload's pods are as they should be."""

from __future__ import annotations

from typing import Any

import pytest

from router.provision.rollout import is_settled


def stateful_set(**status: int) -> dict[str, Any]:
    return {
        "kind": "StatefulSet",
        "metadata": {"generation": 2},
        "spec": {"replicas": 2},
        "status": {
            "observedGeneration": 2,
            "replicas": 2,
            "readyReplicas": 2,
            "updatedReplicas": 2,
            **status,
        },
    }


def test_all_pods_ready_and_of_the_latest_template_are_as_they_should_be() -> None:
    assert is_settled(stateful_set())


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 1},  # the controller has not seen the change
        {"readyReplicas": 1},
        {"updatedReplicas": 1},  # one is of the template before
        {"replicas": 3},  # one is still to go
    ],
)
def test_anything_else_is_not(status: dict[str, int]) -> None:
    assert not is_settled(stateful_set(**status))


def test_a_pool_of_none_is_as_it_should_be() -> None:
    none = stateful_set(replicas=0, readyReplicas=0, updatedReplicas=0)

    assert is_settled({**none, "spec": {"replicas": 0}})


def test_a_daemon_set_is_counted_by_nodes() -> None:
    status = {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2}
    each = {"kind": "DaemonSet", "metadata": {"generation": 1}, "spec": {}, "status": status}

    assert not is_settled({**each, "status": {**status, "numberReady": 1}})
    assert is_settled({**each, "status": {**status, "numberReady": 2}})


def test_what_is_not_there_is_not() -> None:
    assert not is_settled(None)
