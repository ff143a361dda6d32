"""Faults of a Docker engine that a real one can't be made to show. The real one is in tests/e2e."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from router.address import parse_address
from router.errors import DialError, UsageError
from router.transport import dial
from router.transport.options import DialOptions
from tests.servers.certs import CA
from tests.wire.transport.peers import Handler, drain, echo, peer, read_head, tls, transfer, unused_port


def engine(answer: bytes, heads: list[bytes] | None = None) -> Handler:
    """Return an engine that gives this answer and then echoes."""

    def handle(sock: socket.socket) -> None:
        head = read_head(sock)
        if heads is not None:
            heads.append(head)
        sock.sendall(answer)
        if b" 101 " in answer:
            echo(sock)

    return handle


UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


def test_the_engine_is_asked_for_an_upgrade_and_what_follows_is_the_stream() -> None:
    heads: list[bytes] = []
    with peer(engine(UPGRADED + b"early ", heads)) as port:
        stream = dial(parse_address(f"docker://?host=tcp://127.0.0.1:{port}"), DialOptions(timeout=5))
        assert stream.pending()
        assert transfer(stream, [b"hello"], expect=11) == b"early hello"
        stream.close()
    assert heads[0].startswith(b"POST /grpc HTTP/1.1\r\n")
    assert b"Upgrade: h2c\r\n" in heads[0]


def test_tls_of_the_environment_is_spoken(tmp_path: Path) -> None:
    ca = CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.server().write(tmp_path, "server"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ca.pem.decode())
    ca.write_tls_dir(tmp_path / "certs", ca.client())
    with peer(tls(context, engine(UPGRADED + b"early "))) as port:
        environment = {
            "DOCKER_HOST": f"tcp://localhost:{port}",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(tmp_path / "certs"),
        }
        stream = dial(parse_address("docker://"), DialOptions(timeout=5, environment=environment))
        assert transfer(stream, [b"hello"], expect=11) == b"early hello"
        stream.close()


@pytest.mark.parametrize("verify", [True, False])
def test_only_docker_tls_without_verify_accepts_any_certificate(tmp_path: Path, *, verify: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*CA().server().write(tmp_path, "server"))
    environment = {"DOCKER_CERT_PATH": str(tmp_path), "DOCKER_TLS_VERIFY" if verify else "DOCKER_TLS": "1"}
    with peer(tls(context, engine(UPGRADED))) as port:
        options = DialOptions(timeout=5, environment=environment)
        address = f"docker://?host=tcp://localhost:{port}"
        if verify:
            with pytest.raises(DialError, match="certificate is not trusted") as caught:
                dial(parse_address(address), options)
            assert "ca.pem" in (caught.value.hint or "")
        else:
            dial(parse_address(address), options).close()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b'HTTP/1.1 404 Not Found\r\nContent-Length: 22\r\n\r\n{"message":"no /grpc"}', "does not offer"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "refused the upgrade to gRPC: 500 Oops"),
        (
            b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            "wants TLS",
        ),
        (b"SSH-2.0-OpenSSH_9\r\n", "not HTTP/1.1"),
    ],
)
def test_an_engine_that_does_not_upgrade_is_told_apart(answer: bytes, message: str) -> None:
    with peer(engine(answer)) as port, pytest.raises(DialError, match=message):
        dial(parse_address(f"docker://?host=tcp://127.0.0.1:{port}"), DialOptions(timeout=5))


def test_a_silent_engine_is_given_up_at_the_deadline() -> None:
    with peer(drain) as port, pytest.raises(DialError, match="it stayed silent"):
        dial(parse_address(f"docker://?host=tcp://127.0.0.1:{port}"), DialOptions(timeout=0.3))


def test_an_engine_that_is_not_there_is_named() -> None:
    port = unused_port()
    with pytest.raises(DialError, match=f"the Docker engine at tcp://127.0.0.1:{port}: connection refused"):
        dial(parse_address(f"docker://?host=tcp://127.0.0.1:{port}"), DialOptions(timeout=5))


def test_a_missing_socket_says_how_another_engine_is_named(tmp_path: Path) -> None:
    with pytest.raises(DialError, match="no such file") as caught:
        dial(parse_address(f"docker://?host=unix://{tmp_path}/docker.sock"), DialOptions(timeout=5))
    assert "DOCKER_HOST" in (caught.value.hint or "")


@pytest.mark.parametrize("host", ["npipe:////./pipe/docker_engine", "docker.sock"])
def test_a_docker_host_of_another_kind_is_a_usage_error(host: str) -> None:
    with pytest.raises(UsageError, match="has an unsupported scheme"):
        dial(parse_address("docker://"), DialOptions(environment={"DOCKER_HOST": host}))
