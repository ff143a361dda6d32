"""Which cluster and namespace a fleet is in."""

from __future__ import annotations

import pytest

from router.config import RouterConfig
from router.errors import UsageError
from router.provision.cluster import fleet_namespace, open_cluster

NOWHERE = {"HOME": "/nonexistent"}


def test_a_namespace_that_is_given_needs_no_kubeconfig() -> None:
    assert fleet_namespace(RouterConfig(namespace="ci"), NOWHERE) == "ci"


def test_without_a_kubeconfig_it_is_said_how_to_give_one() -> None:
    with pytest.raises(
        UsageError, match=r"^no kubeconfig: /nonexistent/\.kube/config does not exist$"
    ) as asked:
        fleet_namespace(RouterConfig(), NOWHERE)
    with pytest.raises(UsageError, match="no kubeconfig") as opened:
        open_cluster(RouterConfig(namespace="ci"), NOWHERE)

    how = "give --kubeconfig, or set KUBECONFIG"
    assert asked.value.hint == f"{how}; to print the manifests, --namespace is enough"
    assert opened.value.hint == how
