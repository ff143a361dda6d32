"""pods/portforward over a WebSocket, against a pretended API server. The real one is in tests/e2e."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.address import parse_address
from router.errors import ConnectionLostError, DialError
from router.net.stream import ByteStream
from router.transport import dial
from router.transport.options import DialOptions
from tests.wire.transport.api_server import ApiServer, Exec, http
from tests.wire.transport.peers import peer, receive, transfer

PORT = (1234).to_bytes(2, "little")


def begin(far: Exec) -> None:
    """Open both channels as the kubelet does."""
    far.write(0, PORT)
    far.write(1, PORT)


def echo(far: Exec) -> None:
    """Send back what arrives on the data channel."""
    begin(far)
    while True:
        opcode, payload = far.read()
        if opcode == 0x8:
            return
        assert (opcode, payload[0]) == (0x2, 0)
        far.write(0, payload[1:])


def forward(server: ApiServer, port: int, query: str = "") -> ByteStream:
    """Dial a pod's port."""
    options = DialOptions(timeout=5, kubeconfig=server.kubeconfig(port))
    return dial(parse_address(f"kube-pod://b-0?via=port-forward{query}"), options)


def test_bytes_go_there_and_back_whole(tmp_path: Path) -> None:
    data = os.urandom(2_000_000)
    server = ApiServer(tmp_path, command=echo, protocol="v4.channel.k8s.io")
    with peer(server.secure(clients=True)) as port:
        stream = forward(server, port, "&port=99")
        assert transfer(stream, [data], expect=len(data)) == data
        assert not stream.finish()
        stream.close()
    assert server.heads[0].startswith("GET /api/v1/namespaces/ci/pods/b-0/portforward?ports=99 HTTP/1.1\r\n")
    assert "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n" in server.heads[0]


def test_the_port_at_the_start_may_come_in_pieces(tmp_path: Path) -> None:
    def dribble(far: Exec) -> None:
        far.write(0, PORT[:1])
        far.write(1, PORT)
        far.write(0, PORT[1:] + b"hel")
        far.write(7, b"no such channel")
        far.write(0, b"lo")
        far.read()

    server = ApiServer(tmp_path, command=dribble, protocol="v4.channel.k8s.io")
    with peer(server.secure()) as port:
        stream = forward(server, port)
        assert receive(stream, 5) == b"hello"
        stream.close()


@pytest.mark.parametrize(
    ("said", "told", "reason"),
    [
        (
            b"error forwarding port: dial tcp4 127.0.0.1:1234: connect: connection refused",
            "refused",
            "refused",
        ),
        (b"container not running", "container not running", "dial"),
        (
            b"error forwarding port: read tcp4 127.0.0.1:1234: read: connection reset by peer",
            "closed the connection at once",
            "dial",
        ),
    ],
)
def test_a_port_that_can_not_be_connected_to_is_a_failed_dial(
    tmp_path: Path, said: bytes, told: str, reason: str
) -> None:
    def fail(far: Exec) -> None:
        begin(far)
        far.write(1, said)
        far.raw(0x8, (1000).to_bytes(2, "big"))

    server = ApiServer(tmp_path, command=fail, protocol="v4.channel.k8s.io")
    with peer(server.secure()) as port:
        stream = forward(server, port)
        with pytest.raises(DialError, match=told) as caught:
            receive(stream, 1)
        stream.close()
    assert caught.value.reason == reason


def test_a_port_that_breaks_later_is_lost(tmp_path: Path) -> None:
    def fail(far: Exec) -> None:
        begin(far)
        far.write(0, b"some")
        far.write(1, b"an error occurred")

    server = ApiServer(tmp_path, command=fail, protocol="v4.channel.k8s.io")
    with peer(server.secure()) as port:
        stream = forward(server, port)
        assert receive(stream, 4) == b"some"
        with pytest.raises(ConnectionLostError, match=r"lost port 1234 of pod b-0 .*: an error occurred"):
            receive(stream, 1)
        stream.close()


def test_a_port_that_is_closed_is_the_end_of_the_stream(tmp_path: Path) -> None:
    def leave(far: Exec) -> None:
        begin(far)
        far.write(0, b"bye")
        far.raw(0x8, (1000).to_bytes(2, "big"))

    server = ApiServer(tmp_path, command=leave, protocol="v4.channel.k8s.io")
    with peer(server.secure()) as port:
        stream = forward(server, port)
        assert receive(stream, 10) == b"bye"
        assert stream.recv() == b""
        stream.close()


def test_a_refusal_names_the_right_for_this_way(tmp_path: Path) -> None:
    body = {"message": 'User "jane" cannot create resource "pods/portforward"'}
    server = ApiServer(tmp_path, reply=http("403 Forbidden", body))
    with peer(server.secure()) as port, pytest.raises(DialError, match="jane can't create it") as caught:
        forward(server, port)
    assert "create and get on pods/portforward" in (caught.value.hint or "")
