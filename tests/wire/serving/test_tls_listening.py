"""A port that asks for certificates: their names are who the clients are, and who has none stays out."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.errors import UsageError
from router.model.tls import TLSOptions
from router.provision.certificates import FleetNames, certificate_files
from router.serving.listener import Listener
from tests.servers.certs import CA, Pair
from tests.servers.ports import free_port
from tests.wire.serving.clients import Said, let_in, listening, receive


class Port:
    """A port that asks for certificates of ``ca``."""

    def __init__(self, folder: Path) -> None:
        self.ca = CA()
        self.folder = folder
        self.number = free_port()
        self.said = Said()
        files = self.ca.write_tls_dir(folder / "server", self.ca.server())
        self.tls = TLSOptions(ca=f"{files}/ca.pem", cert=f"{files}/cert.pem", key=f"{files}/key.pem")

    @contextmanager
    def listening(self, host: str = "127.0.0.1") -> Iterator[Listener]:
        with listening(f"tcp://{host}:{self.number}", tls=self.tls, said=self.said) as listener:
            yield listener

    def plain(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.number), timeout=20)

    def connected(self, pair: Pair | None, trusted: CA | None = None) -> ssl.SSLSocket:
        """Connect as buildctl does."""
        context = ssl.create_default_context(cadata=(trusted or self.ca).pem.decode())
        context.set_alpn_protocols(["h2"])
        if pair is not None:
            context.load_cert_chain(*pair.write(self.folder, "client"))
        return context.wrap_socket(self.plain(), server_hostname="localhost")

    def hears_nothing(self, pair: Pair | None) -> bool:
        """Connect, and say whether the port hangs up without a word."""
        try:
            with self.connected(pair) as client:
                client.sendall(b"hello")
                return not client.recv(1)
        except OSError:  # with TLS 1.3 the refusal comes after the client's handshake
            return True


@pytest.fixture
def port(tmp_path: Path) -> Port:
    return Port(tmp_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_client_is_known_by_the_name_of_its_certificate(port: Port, host: str) -> None:
    with port.listening(host) as listener:
        found = []
        for name in ("alice", "bob", "alice"):
            with port.connected(port.ca.client(name)) as client:
                accepted = let_in(listener)
                client.sendall(name.encode())
                assert client.selected_alpn_protocol() == "h2"
                found.append((accepted.who, receive(accepted.stream)))
                accepted.stream.close()

    assert found == [
        ("certificate CN=alice", b"alice"),
        ("certificate CN=bob", b"bob"),
        ("certificate CN=alice", b"alice"),
    ]


def test_a_name_cannot_pass_for_another_one_with_an_organization(port: Port) -> None:
    pairs = [
        port.ca.client("alice", organization="acme"),
        port.ca.client("alice", organization="acme,CN=bob"),
    ]
    who = []
    with port.listening() as listener:
        for pair in pairs:
            with port.connected(pair):
                accepted = let_in(listener)
                who.append(accepted.who)
                accepted.stream.close()

    assert who == ["certificate O=acme,CN=alice", "certificate O=acme\\,CN\\=bob,CN=alice"]


def test_who_shows_no_certificate_or_a_wrong_one_stays_out_and_that_is_said(port: Port) -> None:
    with port.listening():
        for pair in (None, CA("others").client("mallory"), port.ca.client("late", expired=True)):
            assert port.hears_nothing(pair)
        with port.plain() as client:
            client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            port.said.wait(4)
        said = port.said.wait(4)

    assert sorted(said) == [
        "refused 127.0.0.1: it does not speak TLS",
        "refused 127.0.0.1: it sent no certificate",
        "refused 127.0.0.1: its certificate is not trusted (certificate has expired)",
        "refused 127.0.0.1: its certificate is not trusted (unable to get local issuer certificate)",
    ]


def test_the_certificates_of_a_fleet_are_for_an_endpoint_too(port: Port) -> None:
    made = certificate_files({}, FleetNames(fleet="ci", namespace="build"))
    for path, content in made.items():
        (port.folder / path).parent.mkdir(exist_ok=True)
        (port.folder / path).write_bytes(content)
    files = port.folder / "daemons"
    port.tls = TLSOptions(ca=f"{files}/ca.pem", cert=f"{files}/cert.pem", key=f"{files}/key.pem")
    context = ssl.create_default_context(cafile=f"{port.folder}/client/ca.pem")
    context.load_cert_chain(f"{port.folder}/client/cert.pem", f"{port.folder}/client/key.pem")
    with port.listening() as listener, context.wrap_socket(port.plain(), server_hostname="ci"):
        accepted = let_in(listener)
        accepted.stream.close()

    assert accepted.who == "certificate CN=buildkitd client"


def test_who_is_slow_with_the_handshake_keeps_nobody_waiting(port: Port) -> None:
    with port.listening() as listener, port.plain(), port.connected(port.ca.client("alice")):
        accepted = let_in(listener)
        accepted.stream.close()

    assert accepted.who == "certificate CN=alice"


def test_who_only_looks_whether_the_port_is_open_is_not_told_of(port: Port) -> None:
    with port.listening() as listener:
        port.plain().close()
        with port.connected(port.ca.client("alice")):
            let_in(listener).stream.close()

    assert port.said.texts == []


def test_stop_ends_accept_for_everybody_who_asks(port: Port) -> None:
    with port.listening() as listener:
        listener.stop()

        assert listener.accept() is None
        assert listener.accept() is None


def test_files_that_are_missing_are_told_by_the_option_that_named_them(port: Port) -> None:
    (port.folder / "server" / "key.pem").unlink()
    with pytest.raises(UsageError) as caught, port.listening():
        pass

    assert caught.value.hint == "--listen-tls names a directory with ca.pem, cert.pem and key.pem"
