"""A daemon's name and address in what is told of it."""

from __future__ import annotations

import pytest

from router.model.address import TcpAddress
from router.model.daemon import Daemon


def test_a_peer_has_its_address_beside_its_name() -> None:
    assert Daemon(name="one", address=TcpAddress(host="h")).peer == "one (tcp://h:1234)"


def test_a_peer_that_is_named_by_its_address_is_not_named_twice() -> None:
    assert Daemon(name="tcp://h", address=TcpAddress(host="h")).peer == "tcp://h"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("can't connect to tcp://h:1234: refused", "b: can't connect to tcp://h:1234: refused"),
        ("lost b (tcp://h:1234): closed", "lost b (tcp://h:1234): closed"),
        ("pod b-1 is gone", "b: pod b-1 is gone"),
        ("pod b.", "pod b."),
    ],
)
def test_a_sentence_gets_the_name_that_it_lacks(text: str, shown: str) -> None:
    assert Daemon(name="b", address=TcpAddress(host="h")).naming(text) == shown
