"""Members of a StatefulSet that are not there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.kubernetes.members import Listed, StatefulSet, read_stateful_set, stateful_sets
from router.kubernetes.pods import Reach, daemons_of
from router.model.daemon import Daemon
from router.model.identity import Identity
from router.placement.order import order

_BY_NAME = Identity()
_LABELS = {"app": "buildkitd"}
_REACH = Reach(namespace="ci", context="lab", pod_ip=False)


def _pod(name: str, owner: str = "buildkitd", kind: str = "StatefulSet") -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "labels": {"app": "buildkitd", "apps.kubernetes.io/pod-index": name.rpartition("-")[2]},
            "annotations": {"warmroute.dev/cordon": "true"},
            "ownerReferences": [{"kind": kind, "name": owner, "controller": True}],
        },
        "spec": {"containers": [{"name": "daemon"}], "nodeName": "node-1"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def _daemons(
    pods: list[dict[str, Any]],
    known: dict[str, StatefulSet],
    identity: Identity = _BY_NAME,
    selector: str = "app=buildkitd",
) -> tuple[Daemon, ...]:
    return daemons_of(Listed(pods=pods, known=known, selector=selector), _REACH, identity)


def _missing(
    *names: str, known: dict[str, StatefulSet] | None = None, identity: Identity = _BY_NAME
) -> list[Daemon]:
    daemons = _daemons([_pod(name) for name in names], known or {}, identity)
    return [daemon for daemon in daemons if not daemon.present]


def test_all_that_a_stateful_set_wants_are_members() -> None:
    missing = _missing("buildkitd-1", known={"buildkitd": StatefulSet(replicas=3, labels=_LABELS)})

    assert [daemon.name for daemon in missing] == ["buildkitd-0", "buildkitd-2"]
    assert {(daemon.ready, daemon.state, daemon.detail, daemon.cordon) for daemon in missing} == {
        (False, "missing", "StatefulSet buildkitd wants 3 replicas", None)
    }
    assert str(missing[0].address) == "kube-pod://buildkitd-0?namespace=ci&context=lab&container=daemon"


def test_ordinals_begin_where_the_stateful_set_says() -> None:
    missing = _missing("buildkitd-6", known={"buildkitd": StatefulSet(replicas=2, first=5, labels=_LABELS)})

    assert [daemon.name for daemon in missing] == ["buildkitd-5"]


def test_a_pod_that_is_no_longer_wanted_is_no_reason_to_miss_others() -> None:
    assert (
        _missing("buildkitd-0", "buildkitd-2", known={"buildkitd": StatefulSet(replicas=1, labels=_LABELS)})
        == []
    )


def test_of_an_unknown_stateful_set_only_gaps_are_missing() -> None:
    assert [daemon.name for daemon in _missing("buildkitd-1", "buildkitd-4")] == [
        "buildkitd-2",
        "buildkitd-3",
    ]


@pytest.mark.parametrize(
    ("selector", "members"),
    [
        ("app=buildkitd,statefulset.kubernetes.io/pod-name!=buildkitd-0", ["buildkitd-2"]),
        ("apps.kubernetes.io/pod-index in (1, 2)", ["buildkitd-2"]),
        ("app=buildkitd,given-by-hand", []),
        ("apps.kubernetes.io/pod-index>0", []),
    ],
)
def test_a_pod_that_would_not_be_selected_is_no_member(selector: str, members: list[str]) -> None:
    known = {"buildkitd": StatefulSet(replicas=3, labels=_LABELS)}

    daemons = _daemons([_pod("buildkitd-1")], known, selector=selector)

    assert [daemon.name for daemon in daemons if not daemon.present] == members


def test_each_of_several_stateful_sets_has_its_own_members() -> None:
    pods = [_pod("amd-0", "amd"), _pod("arm-1", "arm"), _pod("other-5", "other", "ReplicaSet")]
    known = {"amd": StatefulSet(replicas=2, labels=_LABELS), "arm": StatefulSet(replicas=2, labels=_LABELS)}

    daemons = _daemons(pods, known)

    assert stateful_sets(pods) == ("amd", "arm")
    assert [daemon.name for daemon in daemons if not daemon.present] == ["amd-1", "arm-0"]


@pytest.mark.parametrize(
    ("identity", "members"),
    [
        (Identity(kind="label", key="apps.kubernetes.io/pod-index"), ["0"]),
        (Identity(kind="label", key="app"), []),
        (Identity(kind="annotation", key="warmroute.dev/cordon"), []),
        (Identity(kind="node"), []),
    ],
)
def test_a_member_that_is_not_there_has_only_the_identities_that_are_sure(
    identity: Identity, members: list[str]
) -> None:
    missing = _missing(
        "buildkitd-1", known={"buildkitd": StatefulSet(replicas=2, labels=_LABELS)}, identity=identity
    )

    assert [daemon.identity for daemon in missing] == members


@given(gone=st.integers(0, 4), key=st.text(max_size=20))
def test_a_member_that_goes_moves_only_its_own_keys(gone: int, key: str) -> None:
    known = {"buildkitd": StatefulSet(replicas=5, labels=_LABELS)}
    pods = [_pod(f"buildkitd-{number}") for number in range(5)]
    for pod in pods:
        del pod["metadata"]["annotations"]

    before = order(key, _daemons(pods, known))
    during = order(key, _daemons(pods[:gone] + pods[gone + 1 :], known))

    assert [c.daemon.name for c in during] == [c.daemon.name for c in before]
    assert [c.daemon.name for c in during if not c.fit] == [f"buildkitd-{gone}"]


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"spec": {"replicas": 3}}, StatefulSet(replicas=3)),
        (
            {"spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "b"}}}}},
            StatefulSet(replicas=3, labels={"app": "b"}),
        ),
        ({"spec": {"replicas": 0}}, StatefulSet(replicas=0)),
        ({"spec": {}}, StatefulSet(replicas=1)),
        ({"spec": {"replicas": 2, "ordinals": {"start": 4}}}, StatefulSet(replicas=2, first=4)),
        ({"spec": {"replicas": "many"}}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_stateful_set_is_read(body: object, read: StatefulSet | None) -> None:
    assert read_stateful_set(body) == read
