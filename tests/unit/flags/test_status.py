"""``--status`` and ``--health``."""

from __future__ import annotations

import pytest

from router.errors import UsageError
from router.flags.status import parse_health, parse_status
from router.model.address import TcpAddress


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9090", TcpAddress(host="127.0.0.1", port=9090)),
        ("localhost:0", TcpAddress(host="localhost", port=0)),
        ("[::1]:9090", TcpAddress(host="::1", port=9090)),
    ],
)
def test_it_is_a_host_and_a_port(text: str, address: TcpAddress) -> None:
    assert parse_status(text) == parse_health(text) == address


@pytest.mark.parametrize(
    "text", ["", "9090", ":9090", "127.0.0.1", "::1:9090", "http://x:1", "x:65536", "x:1/"]
)
def test_what_is_neither_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="invalid --status") as caught:
        parse_status(text)

    assert "--status 127.0.0.1:9090" in (caught.value.hint or "")


def test_the_error_names_the_flag() -> None:
    with pytest.raises(UsageError, match="invalid --health") as caught:
        parse_health("9090")

    assert "--health 0.0.0.0:8081" in (caught.value.hint or "")
