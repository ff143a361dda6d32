"""Choosing where to look for daemons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.docker import endpoint as docker_endpoint
from router.errors import NoDaemonError, UsageError
from router.fleet import FleetOptions, discover
from router.fleet.docker import DockerFleet
from router.fleet.kubernetes import KubernetesFleet
from router.fleet.static import StaticFleet
from router.model.identity import Identity
from tests.addressed import addressed

(HOST,) = addressed(("tcp://h:1", "tcp://h:1"))


def test_addresses_come_first() -> None:
    options = FleetOptions(addresses=addressed(("a", "tcp://h:1"), ("", "unix:///b")), host=HOST)
    fleet = discover(options)
    assert [(daemon.name, str(daemon.address)) for daemon in fleet.daemons()] == [
        ("a", "tcp://h:1"),
        ("unix:///b", "unix:///b"),
    ]
    assert fleet.describe() == "addresses given by --addr"


def test_an_address_is_told_in_full_and_its_daemon_keeps_the_name_that_was_typed() -> None:
    (daemon,) = discover(FleetOptions(addresses=addressed(("tcp://h", "tcp://h")))).daemons()
    assert (daemon.name, str(daemon.address)) == ("tcp://h", "tcp://h:1234")


def test_a_selector_means_kubernetes_and_nothing_is_read_yet() -> None:
    fleet = discover(FleetOptions(selector="app=buildkitd", host=HOST))
    assert isinstance(fleet, KubernetesFleet)


def test_buildkit_host_is_a_fleet_of_one() -> None:
    fleet = discover(FleetOptions(host=HOST, environment={"DOCKER_HOST": "tcp://d:1"}))
    assert isinstance(fleet, StaticFleet)
    assert [str(daemon.address) for daemon in fleet.daemons()] == ["tcp://h:1"]
    assert fleet.describe() == "addresses given by BUILDKIT_HOST"


def test_a_docker_host_is_used_when_nothing_else_is_given() -> None:
    fleet = discover(FleetOptions(environment={"DOCKER_HOST": "tcp://d:1"}))
    assert isinstance(fleet, DockerFleet)
    assert [(daemon.name, str(daemon.address)) for daemon in fleet.daemons()] == [
        ("docker", "docker://?host=tcp://d:1")
    ]
    assert fleet.describe() == "the Docker engine at tcp://d:1 (DOCKER_HOST)"


def test_with_nothing_there_all_that_was_looked_for_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"unix://{tmp_path}/docker.sock"
    monkeypatch.setattr(docker_endpoint, "DEFAULT_HOST", nowhere)
    monkeypatch.setattr("router.fleet.docker.DEFAULT_HOST", nowhere)
    with pytest.raises(NoDaemonError) as caught:
        discover(FleetOptions(environment={"HOME": str(tmp_path)}))
    for looked_for in ("--selector", "--addr", "BUILDKIT_HOST", "DOCKER_HOST", nowhere):
        assert looked_for in str(caught.value)
    assert caught.value.hint


def test_addresses_and_a_selector_together_are_a_contradiction() -> None:
    with pytest.raises(UsageError, match="--addr and --selector exclude each other"):
        discover(FleetOptions(addresses=addressed(("a", "tcp://h:1")), selector="app=b"))


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        ((("a", "tcp://h:1"), ("a", "tcp://h:2")), 'gives "a" twice'),
        ((("a", "tcp://h:1"), ("b", "tcp://h:1")), "gives tcp://h:1 two names: a and b"),
        ((("a", "tcp://h"), ("b", "tcp://h:1234")), "gives tcp://h:1234 two names: a and b"),
        ((("a", "tcp://h:1"), ("b", "tcp://H:1")), "gives tcp://h:1 two names: a and b"),
    ],
)
def test_addresses_that_are_wrong_are_refused_at_once(
    addresses: tuple[tuple[str, str], ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        discover(FleetOptions(addresses=addressed(*addresses)))


@pytest.mark.parametrize("found", [{"addresses": (("a", "tcp://h:1"),)}, {"host": HOST}])
def test_an_identity_is_for_pods(found: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--identity needs a --selector"):
        discover(FleetOptions(identity=Identity(kind="node"), **found))
