"""Where daemons are looked for: what is given, and BUILDKIT_HOST."""

from __future__ import annotations

from typing import Any

import pytest

from router.config import RouterConfig
from router.errors import UsageError
from router.fleet.static import StaticFleet
from router.kubernetes.clients import KubeClients
from router.routing import Routing
from tests.addressed import addressed


def routing(config: RouterConfig, **environment: str) -> Routing:
    return Routing(config, environment, KubeClients())


def test_buildkit_host_is_a_fleet_of_one_that_is_named_as_it_is_written() -> None:
    fleet = routing(RouterConfig(), BUILDKIT_HOST="tcp://h,x").fleet

    assert isinstance(fleet, StaticFleet)
    assert [(each.name, str(each.address)) for each in fleet.daemons()] == [("tcp://h,x", "tcp://h,x:1234")]


def test_a_wrong_buildkit_host_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        _ = routing(RouterConfig(), BUILDKIT_HOST="foo").fleet

    assert str(caught.value) == (
        'invalid BUILDKIT_HOST "foo": no scheme such as tcp:// (did you mean tcp://foo:1234?)'
    )


@pytest.mark.parametrize(
    "given",
    [
        {"addresses": addressed(("a", "tcp://h"))},
        {"selector": "app=b"},
        {"backend": "docker"},
    ],
)
def test_a_buildkit_host_that_does_not_count_is_not_read(given: dict[str, Any]) -> None:
    found = routing(RouterConfig(**given), BUILDKIT_HOST="foo")

    assert found.fleet
    assert found.has_pods == ("selector" in given)


@pytest.mark.parametrize(
    ("config", "host", "has_pods"),
    [
        (RouterConfig(addresses=addressed(("a", "tcp://h"), ("b", "kube-pod://b-0"))), "", True),
        (RouterConfig(), "kube-pod://b-0", True),
        (RouterConfig(), "tcp://h", False),
        (RouterConfig(), "", False),
    ],
)
def test_pods_are_told_by_the_addresses(config: RouterConfig, host: str, has_pods: bool) -> None:
    assert routing(config, BUILDKIT_HOST=host).has_pods == has_pods
