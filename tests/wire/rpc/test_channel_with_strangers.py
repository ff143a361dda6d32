"""What listens on the address is no BuildKit daemon: a clear error, in time, whatever it is."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from router.address import parse_address
from router.errors import ConnectionLostError, DialError, UnreachableError
from router.rpc.channel import Channel
from router.rpc.frames import settings as settings_frame
from router.transport import dial
from router.transport.options import DialOptions
from tests.servers.certs import CA
from tests.wire.transport.peers import peer


def call(port: int, *, timeout: float = 20) -> None:
    """Ask what listens there for something."""
    stream = dial(parse_address(f"tcp://127.0.0.1:{port}"), DialOptions())
    with Channel(stream, peer="warm-0") as channel:
        channel.unary("/service/Method", b"", timeout=timeout)


def test_a_web_server_is_told_by_its_answer() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nwhat?")

    with peer(serve) as port, pytest.raises(DialError, match=r"warm-0 is .* HTTP/1") as caught:
        call(port)

    assert caught.value.hint == "is this the address of a buildkitd?"


def test_a_server_that_wants_tls_is_told_by_its_alert(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*CA().server().write(tmp_path, "server"))

    def serve(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True)

    with (
        peer(serve) as port,
        pytest.raises(DialError, match=r"warm-0 (requires TLS|did not answer)") as caught,
    ):
        call(port)

    assert "--tls-ca" in (caught.value.hint or "")


def hang_up(_connection: socket.socket) -> None:
    """Close without a word."""


def hang_up_hard(connection: socket.socket) -> None:
    """Close with a reset, once the client is sure to be connected."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def talk_nonsense(connection: socket.socket) -> None:
    """Say something that is no protocol, and listen."""
    connection.sendall(bytes(range(1, 255)) * 100)
    connection.recv(1)


def greet_like_ssh(connection: socket.socket) -> None:
    """Say what sshd says."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    connection.recv(1)


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (
            hang_up,
            "(closed the connection at once|did not answer: lost the connection to .*: connection reset)",
        ),
        (hang_up_hard, "did not answer: lost the connection to .*: connection reset by peer"),
        (talk_nonsense, "is not a BuildKit daemon"),
        (greet_like_ssh, 'is not a BuildKit daemon .it answered with "SSH-2'),
    ],
)
def test_anything_else_is_no_daemon(handler: Callable[[socket.socket], None], said: str) -> None:
    with peer(handler) as port, pytest.raises(DialError, match=f"warm-0 {said}"):
        call(port)


def test_a_server_that_says_nothing_misses_the_deadline() -> None:
    def listen(connection: socket.socket) -> None:
        while connection.recv(1000):
            pass

    with peer(listen) as port, pytest.raises(DialError, match="warm-0 did not answer in time") as caught:
        call(port, timeout=0.2)

    assert caught.value.temporary
    assert caught.value.reason == "timeout"


def test_a_server_that_says_half_a_word_misses_the_deadline() -> None:
    def listen(connection: socket.socket) -> None:
        connection.sendall(b"\0\0")
        while connection.recv(1000):
            pass

    with peer(listen) as port, pytest.raises(DialError, match="in time"):
        call(port, timeout=0.2)


@pytest.mark.parametrize("after", [b"", settings_frame({}), b"\xff" * 50])
def test_a_daemon_that_breaks_off_is_lost(after: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(settings_frame({}) + after)

    with peer(serve) as port, pytest.raises(UnreachableError, match=r"lost warm-0|did not answer") as caught:
        call(port)

    assert isinstance(caught.value, ConnectionLostError | DialError)
    assert caught.value.temporary
