"""Dialling TLS: what works, and how each mismatch is told."""

from __future__ import annotations

import os
import select
import socket
import ssl
from pathlib import Path

import pytest

from router.address import parse_address
from router.errors import ConnectionLostError, DialError, UsageError
from router.transport import dial
from router.transport.options import DialOptions, TLSOptions
from tests.servers.certs import CA, Pair
from tests.wire.transport.peers import drain, echo, peer, receive, tls, transfer


@pytest.fixture(scope="module")
def ca() -> CA:
    """Return the authority that everybody trusts."""
    return CA()


def server(directory: Path, pair: Pair, *, clients: CA | None = None) -> ssl.SSLContext:
    """Return a server's context; with ``clients`` it requires a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.write(directory, "server"))
    context.set_alpn_protocols(["h2"])
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.pem.decode())
    return context


def options(
    directory: Path, ca: CA, *, client: Pair | None = None, server_name: str | None = None
) -> DialOptions:
    """Return options that trust ``ca``."""
    files = directory / "client"
    ca.write_tls_dir(files, client or Pair(b"", b""))
    return DialOptions(
        timeout=5,
        tls=TLSOptions(
            ca=str(files / "ca.pem"),
            cert=str(files / "cert.pem") if client else None,
            key=str(files / "key.pem") if client else None,
            server_name=server_name,
        ),
    )


def test_bytes_go_there_and_back_whole(tmp_path: Path, ca: CA) -> None:
    data = os.urandom(3_000_000)
    with peer(tls(server(tmp_path, ca.server()), echo)) as port:
        stream = dial(parse_address(f"tcp://localhost:{port}"), options(tmp_path, ca))
        assert transfer(stream, [data], expect=len(data)) == data
        stream.close()


def test_a_peer_that_does_not_read_yet_gets_everything_later(tmp_path: Path, ca: CA) -> None:
    data = os.urandom(1 << 24)
    with socket.create_server(("127.0.0.1", 0)) as gate:

        def late(sock: socket.socket) -> None:
            gate.accept()[0].close()
            echo(sock)

        with peer(tls(server(tmp_path, ca.server()), late)) as port:
            stream = dial(parse_address(f"tcp://127.0.0.1:{port}"), options(tmp_path, ca))
            taken = 0
            while (more := stream.send([data[taken:]])) > 0:
                taken += more
            assert stream.wants_write()
            socket.create_connection(gate.getsockname()).close()
            assert transfer(stream, [data[taken:]], expect=len(data)) == data
            stream.close()


def test_a_client_certificate_is_shown(tmp_path: Path, ca: CA) -> None:
    with peer(tls(server(tmp_path, ca.server(), clients=ca), echo)) as port:
        stream = dial(parse_address(f"tcp://localhost:{port}"), options(tmp_path, ca, client=ca.client()))
        assert transfer(stream, [b"hello"], expect=5) == b"hello"
        stream.close()


def test_a_given_server_name_is_what_the_certificate_must_have(tmp_path: Path, ca: CA) -> None:
    with peer(tls(server(tmp_path, ca.server(["buildkitd"])), echo)) as port:
        stream = dial(
            parse_address(f"tcp://127.0.0.1:{port}"), options(tmp_path, ca, server_name="buildkitd")
        )
        assert transfer(stream, [b"hello"], expect=5) == b"hello"
        stream.close()


def test_many_records_are_pending_after_one_arrival(tmp_path: Path, ca: CA) -> None:
    with peer(tls(server(tmp_path, ca.server()), lambda sock: sock.sendall(bytes(100_000)))) as port:
        stream = dial(parse_address(f"tcp://localhost:{port}"), options(tmp_path, ca))
        assert len(receive(stream, 100_000)) == 100_000
        select.select([stream], [], [], 5)
        assert stream.recv() == b""
        stream.close()


@pytest.mark.parametrize(
    ("names", "expired", "trusted", "message", "hint"),
    [
        (["localhost"], False, False, "certificate is not trusted", "--tls-ca"),
        (["other"], False, True, 'certificate is not valid for "localhost"', "--tls-server-name"),
        (["localhost"], True, True, "certificate has expired", "renew"),
    ],
)
def test_a_certificate_that_does_not_fit_is_told_apart(
    tmp_path: Path, ca: CA, names: list[str], message: str, hint: str, *, expired: bool, trusted: bool
) -> None:
    context = server(tmp_path, ca.server(names, expired=expired))
    with peer(tls(context, echo)) as port, pytest.raises(DialError, match=message) as caught:
        dial(parse_address(f"tcp://localhost:{port}"), options(tmp_path, ca if trusted else CA()))
    assert hint in (caught.value.hint or "")
    assert caught.value.reason == "tls"


@pytest.mark.parametrize(
    "greeting", [b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0", b"HTTP/1.1 400 Bad Request\r\n"]
)
def test_a_peer_without_tls_is_told(tmp_path: Path, ca: CA, greeting: bytes) -> None:
    with (
        peer(lambda sock: sock.sendall(greeting)) as port,
        pytest.raises(DialError, match="does not speak TLS") as caught,
    ):
        dial(parse_address(f"tcp://localhost:{port}"), options(tmp_path, ca))
    assert "drop the --tls options" in (caught.value.hint or "")


def test_a_peer_that_closes_during_the_handshake_is_told(tmp_path: Path, ca: CA) -> None:
    with (
        peer(lambda sock: sock.close()) as port,
        pytest.raises(DialError, match="closed the connection during the handshake"),
    ):
        dial(parse_address(f"tcp://localhost:{port}"), options(tmp_path, ca))


def test_a_silent_peer_is_given_up_at_the_deadline(tmp_path: Path, ca: CA) -> None:
    given = options(tmp_path, ca)
    short = DialOptions(timeout=0.3, tls=given.tls)
    with peer(drain) as port:
        with pytest.raises(DialError, match="it stayed silent") as caught:
            dial(parse_address(f"tcp://localhost:{port}"), short)
        assert caught.value.reason == "timeout"


def test_a_missing_client_certificate_is_told_when_first_read(tmp_path: Path, ca: CA) -> None:
    # TLS 1.3 checks the client after the client thinks that it is done.
    with peer(tls(server(tmp_path, ca.server(), clients=ca), echo)) as port:
        stream = dial(parse_address(f"tcp://localhost:{port}"), options(tmp_path, ca))
        with pytest.raises(ConnectionLostError, match="requires a client certificate") as caught:
            receive(stream, 1)
        assert "--tls-cert" in (caught.value.hint or "")
        stream.close()


def test_a_client_certificate_of_another_authority_is_told(tmp_path: Path, ca: CA) -> None:
    with peer(tls(server(tmp_path, ca.server(), clients=ca), echo)) as port:
        stream = dial(parse_address(f"tcp://localhost:{port}"), options(tmp_path, ca, client=CA().client()))
        with pytest.raises(ConnectionLostError, match=r"client certificate|certificate's CA"):
            receive(stream, 1)
        stream.close()


def test_a_connection_cut_without_a_farewell_is_an_end(tmp_path: Path, ca: CA) -> None:
    def cut(sock: socket.socket) -> None:
        sock.sendall(b"bye")
        os.close(sock.detach())

    with peer(tls(server(tmp_path, ca.server()), cut)) as port:
        stream = dial(parse_address(f"tcp://localhost:{port}"), options(tmp_path, ca))
        assert receive(stream, 10) == b"bye"
        stream.close()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ca": "missing"}, "can't read the TLS CA file"),
        ({"ca": "garbage"}, "holds no certificate"),
        ({"cert": "cert.pem"}, "without its key"),
        ({"key": "key.pem"}, "without its certificate"),
        ({"cert": "missing", "key": "key.pem"}, "can't read the TLS certificate"),
        ({"cert": "cert.pem", "key": "other.pem"}, "can't be used"),
    ],
)
def test_files_that_cannot_be_used_are_usage_errors(
    tmp_path: Path, ca: CA, given: dict[str, str], message: str
) -> None:
    ca.write_tls_dir(tmp_path, ca.client())
    (tmp_path / "other.pem").write_bytes(ca.client().key)
    (tmp_path / "garbage").write_text("garbage")
    paths = {"ca": "ca.pem"} | given
    chosen = TLSOptions(**{name: str(tmp_path / file) for name, file in paths.items()})
    with peer(echo) as port, pytest.raises(UsageError, match=message):
        dial(parse_address(f"tcp://localhost:{port}"), DialOptions(tls=chosen))
