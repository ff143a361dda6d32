"""Certificates, judged by OpenSSL itself in a handshake."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from tests.servers.certs import CA, Pair


def handshake(tmp_path: Path, *, server: Pair, client: Pair, ca: CA, client_ca: CA, name: str) -> None:
    """Shake hands over a socket pair; raise what the client or else the server objects to."""
    (tmp_path / "s").mkdir()
    ours, theirs = socket.socketpair()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(*server.write(tmp_path / "s", "server"))
    serving.load_verify_locations(cadata=client_ca.pem.decode())
    serving.verify_mode = ssl.CERT_REQUIRED
    asking = ssl.create_default_context(cadata=ca.pem.decode())
    asking.load_cert_chain(*client.write(tmp_path / "s", "client"))
    refusals: list[ssl.SSLError | OSError] = []

    def serve() -> None:
        try:
            with serving.wrap_socket(theirs, server_side=True) as connection:
                connection.sendall(b"welcome")
        except OSError as error:
            refusals.append(error)
        finally:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with asking.wrap_socket(ours, server_hostname=name) as connection:
            connection.recv(7)
    finally:
        ours.close()
        thread.join(timeout=30)
    if refusals:
        raise refusals[0]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_server_and_a_client_of_one_ca_trust_each_other(tmp_path: Path, name: str) -> None:
    ca = CA()

    handshake(tmp_path, server=ca.server(), client=ca.client(), ca=ca, client_ca=ca, name=name)


def test_an_expired_server_is_refused(tmp_path: Path) -> None:
    ca = CA()

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(
            tmp_path,
            server=ca.server(expired=True),
            client=ca.client(),
            ca=ca,
            client_ca=ca,
            name="localhost",
        )


def test_another_ca_is_refused(tmp_path: Path) -> None:
    ca, wrong = CA(), CA()

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, server=wrong.server(), client=ca.client(), ca=ca, client_ca=ca, name="localhost")


def test_a_client_of_another_ca_is_refused(tmp_path: Path) -> None:
    ca, wrong = CA(), CA()

    with pytest.raises(ssl.SSLError):
        handshake(tmp_path, server=ca.server(), client=wrong.client(), ca=ca, client_ca=ca, name="localhost")


def test_a_server_is_refused_under_another_name(tmp_path: Path) -> None:
    ca = CA()

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(tmp_path, server=ca.server(), client=ca.client(), ca=ca, client_ca=ca, name="example.test")


def test_the_folder_for_buildctl_keeps_its_key_private(tmp_path: Path) -> None:
    ca = CA()

    folder = ca.write_tls_dir(tmp_path / "tls", ca.client())

    assert sorted(path.name for path in folder.iterdir()) == ["ca.pem", "cert.pem", "key.pem"]
    assert (folder / "key.pem").stat().st_mode & 0o077 == 0
