"""The pods of a fleet, from what the API server says of them."""

from __future__ import annotations

from typing import Any

from router.provision.pod_rows import pod_rows


def pod(name: str, **status: object) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "nodeName": "node-1",
            "containers": [{"name": "buildkitd", "image": "moby/buildkit:v0.32.1"}],
            "volumes": [{"name": "state", "persistentVolumeClaim": {"claimName": f"state-{name}"}}],
        },
        "status": status,
    }


READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def test_pods_stand_by_their_ordinals() -> None:
    rows = pod_rows([pod(name, **READY) for name in ("ci-10", "ci-2", "ci-amd64-0")])

    assert [row.name for row in rows] == ["ci-2", "ci-10", "ci-amd64-0"]


def test_a_pod_that_is_not_ready_has_its_reason() -> None:
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    (row,) = pod_rows([pod("ci-0", containerStatuses=[{"name": "buildkitd", "state": waiting}])])

    assert (row.ready, row.state, row.reason) == (False, "ErrImagePull", "not found")


def test_volume_and_architecture_come_from_the_claim_and_the_node() -> None:
    claim = {
        "metadata": {"name": "state-ci-0"},
        "status": {"phase": "Bound", "capacity": {"storage": "100Gi"}},
        "spec": {"resources": {"requests": {"storage": "50Gi"}}},
    }
    node = {"metadata": {"name": "node-1", "labels": {"kubernetes.io/arch": "arm64"}}}
    (row,) = pod_rows([pod("ci-0", **READY)], [claim], [node])

    assert (row.volume, row.storage, row.volume_state) == ("state-ci-0", "100Gi", "Bound")
    assert row.arch == "arm64"


def test_what_the_server_says_in_another_form_is_left_out() -> None:
    strange = [
        None,
        {},
        {"metadata": {"name": 3}},
        {"metadata": {"name": "ci-0"}, "spec": [], "status": {"x": 1}},
    ]

    assert [row.name for row in pod_rows(strange, [None, {}], [{"metadata": None}])] == ["ci-0"]
