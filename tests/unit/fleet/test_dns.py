"""What daemons behind a name in DNS are called. The lookups are tested on a real server in tests/e2e."""

from __future__ import annotations

import pytest

from router.errors import UsageError
from router.fleet import FleetOptions, discover
from router.fleet.dns import Named, label_of, labels_of, one_address_each
from tests.addressed import addressed


@pytest.mark.parametrize(
    ("target", "name", "label"),
    [
        ("b-0.b.ci.svc.cluster.local.", "b.ci.svc.cluster.local", "b-0"),
        ("b-0.b.ci.svc.cluster.local", "b.ci", "b-0"),
        ("b-0.b.ci.svc.cluster.local", "b", "b-0"),
        ("B-0.B.CI", "b.ci", "b-0"),
        ("b-0.bb.ci", "b", "b-0.bb.ci"),
        ("host.example.com", "builders.example.com", "host.example.com"),
    ],
)
def test_a_host_is_called_by_what_stands_before_the_name_of_its_service(
    target: str, name: str, label: str
) -> None:
    assert label_of(target, name) == label


def test_a_host_with_two_addresses_is_one_daemon() -> None:
    found = [
        Named(ip="fd00::1", port=1, target="b-0.b"),
        Named(ip="10.0.0.2", port=1, target="b-1.b"),
        Named(ip="10.0.0.1", port=1, target="b-0.b"),
    ]
    assert [each.ip for each in one_address_each(found)] == ["10.0.0.1", "10.0.0.2"]


def test_of_addresses_without_names_one_family_counts() -> None:
    found = [Named(ip=ip, port=1) for ip in ("fd00::1", "10.0.0.2", "fd00::2", "10.0.0.1")]
    assert [each.ip for each in one_address_each(found)] == ["10.0.0.1", "10.0.0.2"]
    six = [each for each in found if ":" in each.ip]
    assert [each.ip for each in one_address_each(six)] == ["fd00::1", "fd00::2"]


def test_a_name_that_two_share_is_the_name_of_neither() -> None:
    found = [
        Named(ip="10.0.0.1", port=1, target="node.b"),
        Named(ip="10.0.0.2", port=1, target="node.b"),
        Named(ip="10.0.0.3", port=1, target="b-0.b"),
        Named(ip="10.0.0.4", port=1),
        Named(ip="10.0.0.4", port=2),
    ]
    assert labels_of(found, "b") == ("10.0.0.1", "10.0.0.2", "b-0", "10.0.0.4:1", "10.0.0.4:2")


def test_nothing_found_is_nobody() -> None:
    assert one_address_each([]) == ()


@pytest.mark.parametrize("server", ["foo", "10.0.0.1:dns"])
def test_a_server_that_is_none_is_the_users_fault(server: str) -> None:
    fleet = discover(FleetOptions(addresses=addressed(("b", f"dns://b?server={server}"))))
    with pytest.raises(UsageError, match="is not a DNS server"):
        fleet.daemons()


def test_a_fleet_of_one_name_is_described_by_it() -> None:
    fleet = discover(FleetOptions(addresses=addressed(("", "dns://b.ci.svc"))))
    assert fleet.describe() == "daemons behind the name b.ci.svc"
    assert fleet.hint == "getent ahosts b.ci.svc"
