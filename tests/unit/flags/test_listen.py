"""``--listen``."""

from __future__ import annotations

import pytest

from router.flags.listen import default_listen, parse_listen
from router.model.address import TcpAddress, UnixAddress
from tests.unit.specs.refused import refused


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:///run/warmroute/serve.sock", UnixAddress(path="/run/warmroute/serve.sock")),
        ("unix:///run//warmroute/../serve.sock", UnixAddress(path="/run/serve.sock")),
        ("tcp://127.0.0.1:8372", TcpAddress(host="127.0.0.1", port=8372)),
        ("tcp://localhost", TcpAddress(host="localhost", port=1234)),
        ("tcp://[::1]:1234", TcpAddress(host="::1", port=1234)),
    ],
)
def test_a_socket_or_a_port_is_read(text: str, address: object) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "/run/serve.sock",
            (
                'invalid --listen "/run/serve.sock": no scheme such as tcp://'
                " (did you mean unix:///run/serve.sock?)"
            ),
        ),
        ("unix://serve.sock", 'invalid --listen "unix://serve.sock": the path must be absolute'),
        ("unix://@serve", 'invalid --listen "unix://@serve": a socket without a file is open to every user'),
        ("ssh://build", 'invalid --listen "ssh://build": an endpoint listens on unix:// or tcp://'),
        (
            "tcp://localhost:1?server-name=a",
            'invalid --listen "tcp://localhost:1?server-name=a": only clients check names',
        ),
        (
            f"unix:///{'x' * 103}",
            f'invalid --listen "unix:///{"x" * 103}": a socket\'s path has at most 103 bytes, this one 104',
        ),
    ],
)
def test_what_nobody_can_listen_on_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: parse_listen(text))) == why


def test_a_port_of_all_interfaces_is_written_out() -> None:
    assert refused(lambda: parse_listen("tcp://:1234")).hint == "for all interfaces: tcp://0.0.0.0:1234"


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"XDG_RUNTIME_DIR": "/run/user/1000"}, "/run/user/1000/warmroute/serve.sock"),
        ({"XDG_RUNTIME_DIR": "relative"}, "/tmp/warmroute-1000/serve.sock"),
        ({}, "/tmp/warmroute-1000/serve.sock"),
    ],
)
def test_without_an_address_it_is_the_users_own_socket(environment: dict[str, str], path: str) -> None:
    assert default_listen(environment, 1000) == UnixAddress(path=path)
