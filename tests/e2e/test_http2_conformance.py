"""Our HTTP/2 as a server, held against the RFC by a client that nobody here wrote."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest

from router.rpc.http2 import DataReceived, Event, HeadersReceived, Http2Connection, Http2Error
from tests.servers import binaries

# What gRPC can't meet may be named here, with its reason. There is nothing.
EXCEPTIONS: dict[str, str] = {}
CASES = 145
RESPONSE = [(b":status", b"200"), (b"content-type", b"text/plain")]


@pytest.fixture
def port() -> Iterator[int]:
    """Where a server listens that answers every request with one line."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        accepting = threading.Thread(target=_accept, args=(listener,), daemon=True)
        accepting.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join(5)


def _accept(listener: socket.socket) -> None:
    with suppress(OSError):  # it is shut down when the test is over
        while True:
            threading.Thread(target=_serve, args=(listener.accept()[0],), daemon=True).start()


def _serve(peer: socket.socket) -> None:
    connection = Http2Connection(client=False)
    with peer, suppress(OSError):
        while True:
            peer.sendall(b"".join(connection.take(1 << 20)))
            data = peer.recv(1 << 16)
            if not data:
                return
            try:
                for event in connection.receive(data):
                    _answer(connection, event)
            except Http2Error:
                connection.close()
                peer.sendall(b"".join(connection.take(0)))
                return


def _answer(connection: Http2Connection, event: Event) -> None:
    if isinstance(event, HeadersReceived | DataReceived) and event.ended:
        connection.send_headers(event.stream_id, RESPONSE)
        connection.send(event.stream_id, b"hello")
        connection.finish(event.stream_id)


def test_h2spec_finds_nothing_but_the_named_exceptions(port: int, tmp_path: Path) -> None:
    require_conformance(port, tmp_path)


def require_conformance(port: int, scratch: Path, *tls: str) -> None:
    """Run h2spec against a server on a port of this machine; ``tls`` are its words for a certificate."""
    report = scratch / "report.xml"
    argv = [str(binaries.h2spec()), f"-port={port}", f"-report={report}", *tls]

    done = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False)

    assert report.exists(), done.stdout + done.stderr
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = {str(case.get("classname")) for case in cases if len(case)}  # an `error` or a `failure` in it
    assert len(cases) == CASES, done.stdout
    assert failed == set(EXCEPTIONS), done.stdout
