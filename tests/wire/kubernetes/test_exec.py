"""pods/exec over a WebSocket, against a pretended API server. The real one is in tests/e2e."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NoReturn

import pytest

from router.address import parse_address
from router.errors import ConnectionLostError, DialError
from router.net.stream import ByteStream
from router.transport import dial
from router.transport.options import DialOptions
from tests.wire.transport.api_server import ApiServer, Exec, http
from tests.wire.transport.peers import drain, peer, receive, transfer, wait

FAILED: dict[str, object] = {
    "status": "Failure",
    "message": "command terminated with non-zero exit code",
    "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
}


def echo(command: Exec) -> None:
    """Be ``cat``: open the channels as the API server does, then send stdin back."""
    for channel in (1, 2, 3):
        command.write(channel, b"")
    while True:
        opcode, payload = command.read()
        if opcode == 0x8:
            return
        assert (opcode, payload[0]) == (0x2, 0)
        command.write(1, payload[1:])


def options(server: ApiServer, port: int, *, timeout: float = 5, scheme: str = "https") -> DialOptions:
    """Return options whose kubeconfig means this server."""
    return DialOptions(timeout=timeout, kubeconfig=server.kubeconfig(port, scheme=scheme))


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_bytes_go_there_and_back_whole(tmp_path: Path, protocol: str) -> None:
    data = os.urandom(2_000_000)
    server = ApiServer(tmp_path, command=echo, protocol=protocol)
    with peer(server.secure(clients=True)) as port:
        stream = dial(parse_address("kube-pod://b-0?container=buildkitd&via=exec"), options(server, port))
        assert transfer(stream, [data], expect=len(data)) == data
        stream.close()
    assert server.heads[0].startswith(
        "GET /api/v1/namespaces/ci/pods/b-0/exec?command=buildctl&command=dial-stdio"
        "&stdin=true&stdout=true&stderr=true&tty=false&container=buildkitd HTTP/1.1\r\n"
    )
    assert "Authorization: Bearer sesame\r\n" in server.heads[0]


def test_without_tls_frames_are_masked_and_arrive_all_the_same(tmp_path: Path) -> None:
    data = os.urandom(100_000)
    server = ApiServer(tmp_path, command=echo)
    with peer(server.handle) as port:
        stream = dial(
            parse_address("kube-pod://b-0?namespace=other&via=exec"), options(server, port, scheme="http")
        )
        assert transfer(stream, [data], expect=len(data)) == data
        stream.close()
    assert "/namespaces/other/pods/" in server.heads[0]


def dial_command(server: ApiServer, port: int) -> ByteStream:
    """Dial the pod of a test."""
    return dial(parse_address("kube-pod://b-0?via=exec"), options(server, port))


def test_a_ping_is_answered(tmp_path: Path) -> None:
    answers: list[tuple[int, bytes]] = []

    def ping(command: Exec) -> None:
        command.raw(0x9, b"are you there?")
        answers.append(command.read())
        command.write(1, b"fine")

    server = ApiServer(tmp_path, command=ping)
    with peer(server.secure()) as port:
        stream = dial_command(server, port)
        while stream.recv() is None and not stream.wants_write():
            wait(stream, time.monotonic() + 5)
        stream.flush()
        assert receive(stream, 4) == b"fine"
        stream.close()
    assert answers == [(0xA, b"are you there?")]


def test_the_exit_code_and_the_last_words_stand_in_the_error(tmp_path: Path) -> None:
    def fail(command: Exec) -> None:
        command.write(1, b"some")
        command.write(2, b"warning: something\nerror: connection ")
        command.write(2, b"reset\n")
        command.end(FAILED)

    server = ApiServer(tmp_path, command=fail)
    with peer(server.secure()) as port:
        stream = dial_command(server, port)
        assert receive(stream, 4) == b"some"
        with pytest.raises(ConnectionLostError, match="exit code 3: connection reset"):
            receive(stream, 1)
        assert stream.pending()
        stream.close()


def test_a_command_that_fails_before_it_answers_is_a_failed_dial(tmp_path: Path) -> None:
    def fail(command: Exec) -> None:
        command.write(2, b"error: dial unix /run/buildkit/buildkitd.sock: no such file\n")
        command.end(FAILED)

    server = ApiServer(tmp_path, command=fail)
    with peer(server.secure()) as port:
        stream = dial_command(server, port)
        with pytest.raises(DialError, match="failed: dial unix /run/buildkit"):
            receive(stream, 1)
        stream.close()


def send_forever(stream: ByteStream) -> NoReturn:
    """Write until it fails."""
    while True:
        stream.send([bytes(1 << 16)])


def test_writing_to_a_command_that_has_ended_tells_why_it_ended(tmp_path: Path) -> None:
    def fail(command: Exec) -> None:
        command.write(2, b"error: permission denied\n")
        command.end(FAILED)

    server = ApiServer(tmp_path, command=fail)
    with peer(server.secure()) as port:
        stream = dial_command(server, port)
        with pytest.raises(DialError, match="permission denied"):
            send_forever(stream)
        stream.close()


def test_a_command_that_ends_well_is_the_end_of_the_stream(tmp_path: Path) -> None:
    def leave(command: Exec) -> None:
        command.write(1, b"bye")
        command.end({"status": "Success"})

    server = ApiServer(tmp_path, command=leave)
    with peer(server.secure()) as port:
        stream = dial_command(server, port)
        assert receive(stream, 10) == b"bye"
        assert stream.recv() == b""
        stream.close()


def test_a_connection_that_is_cut_is_lost(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, command=lambda command: command.write(1, b"some"))
    with peer(server.secure()) as port:
        stream = dial_command(server, port)
        assert receive(stream, 4) == b"some"
        with pytest.raises(ConnectionLostError, match="in namespace ci ended: the connection was closed"):
            receive(stream, 1)
        stream.close()


def test_bytes_that_are_no_frames_are_an_error(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, command=lambda command: command.raw(0x70, b""))
    with peer(server.secure()) as port:
        stream = dial_command(server, port)
        with pytest.raises(DialError, match="the API server sent"):
            receive(stream, 1)
        stream.close()


def test_closing_says_goodbye(tmp_path: Path) -> None:
    frames: list[tuple[int, bytes]] = []
    server = ApiServer(tmp_path, command=lambda command: frames.append(command.read()))
    with peer(server.secure()) as port:
        stream = dial_command(server, port)
        assert "open" in repr(stream)
        stream.close()
        stream.close()
        assert "closed" in repr(stream)
    assert frames == [(0x8, (1000).to_bytes(2, "big"))]


def test_an_answer_that_is_no_websocket_is_told(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, command=echo, accept="wrong")
    with peer(server.secure()) as port, pytest.raises(DialError, match="another WebSocket protocol"):
        dial_command(server, port)


def test_a_refusal_is_told_with_the_right_that_is_missing(tmp_path: Path) -> None:
    body = {"message": 'User "jane" cannot create resource "pods/exec"'}
    server = ApiServer(tmp_path, reply=http("403 Forbidden", body))
    with peer(server.secure()) as port, pytest.raises(DialError, match="jane can't create it") as caught:
        dial_command(server, port)
    assert "create and get on pods/exec" in (caught.value.hint or "")


def test_a_silent_api_server_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    server = ApiServer(tmp_path)
    with peer(drain) as port, pytest.raises(DialError, match="it stayed silent"):
        dial(parse_address("kube-pod://b-0?via=exec"), options(server, port, timeout=0.3))


def test_an_api_server_with_another_certificate_is_not_trusted(tmp_path: Path) -> None:
    server = ApiServer(tmp_path)
    (tmp_path / "other").mkdir()
    other = ApiServer(tmp_path / "other")
    with peer(other.secure()) as port, pytest.raises(DialError, match="certificate is not trusted") as caught:
        dial_command(server, port)
    assert "kubeconfig" in (caught.value.hint or "")
