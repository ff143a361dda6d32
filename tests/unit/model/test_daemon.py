"""A daemon's name and address in what is told of it."""

from __future__ import annotations

from router.model.address import TcpAddress
from router.model.daemon import Daemon


def test_a_peer_has_its_address_beside_its_name() -> None:
    assert Daemon(name="one", address=TcpAddress(host="h")).peer == "one (tcp://h:1234)"


def test_a_peer_that_is_named_by_its_address_is_not_named_twice() -> None:
    assert Daemon(name="tcp://h", address=TcpAddress(host="h")).peer == "tcp://h"
