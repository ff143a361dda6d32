"""An endpoint that is its own fleet is refused, however the address is written."""

from __future__ import annotations

import pytest

from router.address import parse_address
from router.errors import UsageError
from router.flags.listen import parse_listen
from router.model.daemon import Daemon
from router.serving.loops import refuse_itself


def daemon(address: str) -> Daemon:
    return Daemon(name="a", address=parse_address(address))


@pytest.mark.parametrize(
    ("listened", "itself"),
    [
        ("unix:///run/serve.sock", "unix:///run/serve.sock"),
        ("unix:///run/serve.sock", "unix:///run/other/../serve.sock"),
        ("tcp://127.0.0.1:1234", "tcp://localhost:1234"),
        ("tcp://0.0.0.0:1234", "tcp://[::1]"),
        ("tcp://builder:1234", "tcp://builder:1234?server-name=a"),
    ],
)
def test_its_own_address_is_no_daemon(listened: str, itself: str) -> None:
    with pytest.raises(UsageError, match="would send builds to itself") as caught:
        refuse_itself([parse_listen(listened)], [daemon("tcp://else:1"), daemon(itself)])

    assert caught.value.hint


def test_other_addresses_are() -> None:
    others = ("tcp://127.0.0.1:4321", "tcp://builder:1234", "unix:///run/buildkit/buildkitd.sock", "ssh://a")

    refuse_itself(
        [parse_listen("tcp://127.0.0.1:1234"), parse_listen("unix:///run/serve.sock")], map(daemon, others)
    )
