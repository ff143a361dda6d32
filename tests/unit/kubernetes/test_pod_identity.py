"""Identities of pods, and pods that share one."""

from __future__ import annotations

from typing import Any

import pytest

from router.errors import FleetError
from router.kubernetes.members import Listed
from router.kubernetes.pods import Reach, daemons_of
from router.model.daemon import Daemon
from router.model.identity import Identity
from router.placement.order import order

_REACH = Reach(namespace="ci", context=None, pod_ip=False)
_BY_SLOT = Identity(kind="label", key="slot")
_ON_NODE = Identity(kind="node")


def _pod(
    name: str,
    *,
    slot: str | None = "a",
    version: str = "1",
    created: str = "2026-01-01T00:00:00Z",
    ready: bool = True,
    node: str | None = "node-1",
    **meta: Any,
) -> dict[str, Any]:
    labels = {"pod-template-hash": version, **({"slot": slot} if slot else {})}
    return {
        "metadata": {"name": name, "labels": labels, "creationTimestamp": created, **meta},
        "spec": {"containers": [{"name": "buildkitd"}], **({"nodeName": node} if node else {})},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def _daemons(*pods: dict[str, Any], identity: Identity = _BY_SLOT) -> dict[str, Daemon]:
    return {
        daemon.name: daemon
        for daemon in daemons_of(Listed(pods=pods, known={}, selector=""), _REACH, identity)
    }


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (Identity(), "pod-x"),
        (_ON_NODE, "node-1"),
        (_BY_SLOT, "a"),
        (Identity(kind="annotation", key="example.com/slot"), "b"),
    ],
)
def test_an_identity_is_what_was_chosen(identity: Identity, expected: str) -> None:
    pod = _pod("pod-x", annotations={"example.com/slot": "b"})

    assert _daemons(pod, identity=identity)["pod-x"].hashed == expected


@pytest.mark.parametrize(
    ("identity", "why"),
    [
        (_ON_NODE, "is on no node yet"),
        (_BY_SLOT, "has no label slot"),
        (Identity(kind="annotation", key="slot"), "has no annotation slot"),
    ],
)
def test_a_pod_without_an_identity_is_left_out_with_the_reason(identity: Identity, why: str) -> None:
    daemon = _daemons(_pod("pod-x", slot=None, node=None), identity=identity)["pod-x"]

    assert daemon.unplaced == why
    assert order("key", [daemon])[0].exclusions[0].kind == "identity"


def test_the_keys_of_a_pod_follow_its_identity_to_the_next_pod() -> None:
    slots = ("a", "b", "c")
    before = _daemons(*(_pod(f"old-{slot}", slot=slot) for slot in slots))
    after = _daemons(*(_pod(f"new-{slot}", slot=slot) for slot in slots))

    for key in map(str, range(50)):
        homes = [order(key, daemons.values())[0].daemon for daemons in (before, after)]
        assert homes[0].identity == homes[1].identity


@pytest.mark.parametrize(
    ("old", "new", "leaving"),
    [
        (
            _pod("old", deletionTimestamp="2026-01-02T00:00:00Z"),
            _pod("new", ready=False, created="2026-01-02T00:00:00Z"),
            "old",
        ),
        (_pod("old"), _pod("new", ready=False, version="2", created="2026-01-02T00:00:00Z"), "new"),
        (_pod("old"), _pod("new", version="2", created="2026-01-02T00:00:00Z"), "old"),
        (_pod("old", annotations={"warmroute.dev/cordon": "true"}), _pod("new"), "old"),
        (_pod("old", ready=False), _pod("new", ready=False, created="2026-01-02T00:00:00Z"), "old"),
    ],
)
def test_of_a_pod_and_the_one_that_replaces_it_one_has_the_identity(
    old: dict[str, Any], new: dict[str, Any], leaving: str
) -> None:
    for pods in ((old, new), (new, old)):
        daemons = _daemons(*pods)
        keeping = "new" if leaving == "old" else "old"

        assert daemons[leaving].unplaced == f"leaves its identity a to {keeping}"
        assert not daemons[keeping].unplaced
        assert order("key", daemons.values())[0].daemon.name == keeping


def test_two_pods_that_could_both_build_are_refused_by_name() -> None:
    daemons = _daemons(_pod("one"), _pod("two"))

    with pytest.raises(FleetError, match='one and two have the same identity "a"'):
        order("key", daemons.values())


def test_names_are_never_shared() -> None:
    daemons = _daemons(_pod("one"), _pod("two"), identity=Identity())

    assert len(order("key", daemons.values())) == 2
