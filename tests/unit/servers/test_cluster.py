"""What a cluster's parts are told."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.servers.cluster.buildkit import Fleet
from tests.servers.cluster.cluster import is_ready
from tests.servers.cluster.plan import (
    Plan,
    Ports,
    apiserver_flags,
    cni_config,
    containerd_config,
    kubeconfig,
    kubelet_config,
)

PLAN = Plan(
    directory=Path("/somewhere"),
    cgroup="ours",
    net=137,
    ports=Ports(etcd=1, etcd_peer=2, apiserver=3, kubelet=4),
)


def test_the_apiserver_listens_on_loopback_only() -> None:
    assert "--bind-address=127.0.0.1" in apiserver_flags(PLAN)


def test_containerd_gets_our_programs() -> None:
    programs = {"cni": Path("/cni"), "shim": Path("/shim"), "runc": Path("/runc")}

    config = tomllib.loads(containerd_config(PLAN, sandbox="pause:1", programs=programs))

    runtime = config["plugins"]["io.containerd.cri.v1.runtime"]["containerd"]["runtimes"]["runc"]
    assert runtime["runtime_path"] == "/shim"
    assert runtime["options"]["BinaryName"] == "/runc"


def test_pods_are_on_the_bridge_that_the_node_is_on() -> None:
    (bridge,) = json.loads(cni_config(PLAN))["plugins"]

    assert bridge["bridge"] == PLAN.bridge
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.137.0.0/24", "gateway": PLAN.node_ip}]]


def test_the_kubelet_leaves_the_firewall_alone() -> None:
    assert json.loads(kubelet_config(PLAN))["makeIPTablesUtilChains"] is False


def test_a_kubeconfig_names_the_certificates_of_its_user() -> None:
    (user,) = json.loads(kubeconfig(PLAN, "admin"))["users"]

    assert user["user"]["client-key"] == "/somewhere/pki/admin.key"


@pytest.mark.parametrize(
    ("conditions", "metadata", "ready"),
    [
        ([{"type": "Ready", "status": "True"}], {}, True),
        ([{"type": "Ready", "status": "False"}], {}, False),
        ([{"type": "Ready", "status": "True"}], {"deletionTimestamp": "2026-01-01T00:00:00Z"}, False),
        ([], {}, False),
    ],
)
def test_ready_and_not_ending(
    conditions: list[dict[str, str]], metadata: dict[str, str], ready: bool
) -> None:
    assert is_ready({"status": {"conditions": conditions}, "metadata": metadata}) is ready


@pytest.mark.parametrize("rootless", [False, True])
def test_a_fleet_starts_all_at_once_and_never_pulls(rootless: bool) -> None:
    *_, stateful_set = json.loads(Fleet(rootless=rootless).manifest())["items"]

    (container,) = stateful_set["spec"]["template"]["spec"]["containers"]
    assert stateful_set["spec"]["podManagementPolicy"] == "Parallel"
    assert container["imagePullPolicy"] == "Never"
    assert container["securityContext"].get("privileged", False) is not rootless
