"""Where a registry listens, and by what its certificate is trusted."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.errors import DialError
from router.model.build_options import RegistryTLS
from router.notation.tag import parse_reference
from router.registry.client import RegistryClient
from router.registry.media_types import OCI_INDEX
from tests.servers.certs import CA
from tests.wire.registry.fake_registry import FakeRegistry, fake_registry
from tests.wire.transport.peers import unused_port


@pytest.fixture(scope="module")
def ca() -> CA:
    return CA()


@pytest.fixture
def secure(ca: CA, tmp_path: Path) -> Iterator[FakeRegistry]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.server().write(tmp_path, "server"))
    with fake_registry(context) as registry:
        registry.put("1", OCI_INDEX, b"{}")
        yield registry


def _pull(registry: FakeRegistry, tls: tuple[RegistryTLS, ...] = ()) -> bytes:
    with RegistryClient({"HOME": "/nonexistent"}, tls, sleep=lambda _seconds: None) as client:
        return client.pull(parse_reference(f"localhost:{registry.port}/app:1")).content


def test_on_this_machine_tls_is_spoken_where_plain_http_is_not(
    secure: FakeRegistry, ca: CA, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    trusted = RegistryTLS(host=f"localhost:{secure.port}", ca=str(tmp_path / "ca.pem"))

    assert _pull(secure, (trusted,)) == b"{}"


def test_any_certificate_will_do_for_a_registry_that_is_called_insecure(secure: FakeRegistry) -> None:
    assert _pull(secure, (RegistryTLS(host=f"localhost:{secure.port}", insecure=True),)) == b"{}"


def test_a_certificate_that_is_not_trusted_is_refused(secure: FakeRegistry) -> None:
    with pytest.raises(DialError):
        _pull(secure)

    assert secure.asked == []


def test_a_registry_that_is_not_there_is_named() -> None:
    port = unused_port()
    with (
        RegistryClient({}, sleep=lambda _seconds: None) as client,
        pytest.raises(DialError, match=f"can't connect to http://127.0.0.1:{port}: connection refused"),
    ):
        client.pull(parse_reference(f"127.0.0.1:{port}/app"))
