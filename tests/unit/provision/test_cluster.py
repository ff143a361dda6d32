"""Which cluster and namespace a fleet is in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.config import RouterConfig
from router.errors import UsageError
from router.provision.cluster import find_cluster, fleet_namespace, fleet_settings
from router.provision.spec import FleetSpec

KUBECONFIG = (
    "current-context: it\n"
    "contexts: [{name: it, context: {cluster: it, namespace: builds}}]\n"
    "clusters: [{name: it, cluster: {server: 'http://127.0.0.1:1'}}]\n"
)
NOWHERE = {"HOME": "/nonexistent"}


def test_a_namespace_that_is_given_needs_no_kubeconfig() -> None:
    assert fleet_namespace(RouterConfig(namespace="ci"), NOWHERE) == "ci"


def test_without_a_kubeconfig_it_is_said_how_to_give_one() -> None:
    with pytest.raises(
        UsageError, match=r"^no kubeconfig: /nonexistent/\.kube/config does not exist$"
    ) as asked:
        fleet_namespace(RouterConfig(), NOWHERE)
    with pytest.raises(UsageError, match="no kubeconfig") as opened:
        find_cluster(RouterConfig(namespace="ci"), NOWHERE)

    how = "give --kubeconfig, or set KUBECONFIG"
    assert asked.value.hint == f"{how}; to print the manifests, --namespace is enough"
    assert opened.value.hint == how


def test_a_kubeconfig_that_can_be_read_once_is_read_once_and_is_not_to_be_remembered() -> None:
    read, write = os.pipe()
    os.write(write, KUBECONFIG.encode())
    os.close(write)
    try:
        found = find_cluster(RouterConfig(kubeconfig=f"/dev/fd/{read}"), NOWHERE)
    finally:
        os.close(read)

    assert (found.namespace, found.lasting) == ("builds", False)
    assert fleet_settings(found, FleetSpec(name="ci", namespace=found.namespace))["kube-context"] == "it"


def test_a_descriptor_of_this_process_is_not_to_be_remembered_and_a_file_is(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(KUBECONFIG)
    with config.open("rb") as file:
        own = find_cluster(RouterConfig(kubeconfig=f"/proc/self/fd/{file.fileno()}"), NOWHERE)

    assert not own.lasting
    assert find_cluster(RouterConfig(kubeconfig=str(config)), NOWHERE).lasting
    assert find_cluster(RouterConfig(), {"KUBECONFIG": str(config)}).lasting
