"""The endpoint's HTTP/2, held against the RFC by a client that nobody here wrote: plain, and over TLS."""

from __future__ import annotations

from pathlib import Path

from router.flags.listen import parse_listen
from router.model.tls import TLSOptions
from router.serving.client import Services
from router.serving.endpoint import Endpoint
from router.serving.listener import Admission
from router.serving.listening import listen_on
from tests.e2e.test_http2_conformance import require_conformance
from tests.servers.certs import CA
from tests.servers.ports import free_port
from tests.wire.serving.peers import Busy


def check(admission: Admission, scratch: Path, *tls: str) -> None:
    port = free_port()
    entrances = listen_on([parse_listen(f"tcp://127.0.0.1:{port}")], (), admission, lambda _: None)
    with Endpoint(entrances, Services(router=Busy(), methods={})) as endpoint:
        endpoint.start()
        require_conformance(port, scratch, *tls)


def test_h2spec_finds_nothing(tmp_path: Path) -> None:
    check(Admission(), tmp_path)


def test_h2spec_finds_nothing_over_tls(tmp_path: Path) -> None:
    ca = CA()
    files = ca.write_tls_dir(tmp_path / "server", ca.server())
    options = TLSOptions(ca=f"{files}/ca.pem", cert=f"{files}/cert.pem", key=f"{files}/key.pem")
    cert, key = ca.client("h2spec").write(tmp_path, "client")

    check(Admission(tls=options), tmp_path, f"-cert={cert}", f"-key={key}")
