"""The second engine where connecting differs: peers that are none, TLS, and streams that are no sockets."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from router.address import parse_address
from router.cancellation import Cancellation
from router.errors import CancelledError, ConnectionLostError, DialError, UnreachableError, UsageError
from router.model.tls import TLSOptions
from router.rpc import RpcCall, RpcChannel, open_channel
from router.rpc.grpcio import GrpcioChannel
from router.transport.options import DialOptions
from tests.servers.certs import CA
from tests.wire.rpc.grpc_server import Server, ask_for_peers
from tests.wire.transport.peers import peer

# What stands in for podman: it carries stdin and stdout to a port.
_PODMAN = f"""#!{sys.executable}
import os, socket, sys, threading
daemon = socket.create_connection(("127.0.0.1", PORT))

def upload():
    while data := os.read(0, 65536):
        daemon.sendall(data)
    daemon.shutdown(socket.SHUT_WR)

threading.Thread(target=upload, daemon=True).start()
while data := daemon.recv(65536):
    os.write(1, data)
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def connect(
    address: str, options: DialOptions | None = None, cancellation: Cancellation | None = None
) -> RpcChannel:
    options = options or DialOptions(grpc_engine="grpcio", timeout=5)
    return open_channel(parse_address(address), options, peer="warm-0", cancellation=cancellation)


def echo(channel: RpcChannel) -> bytes:
    return channel.unary("/test.Service/Echo", b"hello", timeout=20)


def test_a_port_where_nobody_listens_is_told_in_the_words_of_the_other_engine() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

        with pytest.raises(DialError, match=f"can't connect to tcp://127.0.0.1:{port}: connection refused"):
            connect(f"tcp://127.0.0.1:{port}")


def test_a_peer_that_speaks_something_else_is_told_apart() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        while connection.recv(1000):  # one that closed at once could be told as that
            pass

    with (
        peer(serve) as port,
        pytest.raises(DialError, match=r"warm-0 did not answer: .*HTTP/2"),
    ):
        connect(f"tcp://127.0.0.1:{port}")


def test_a_silent_peer_misses_the_deadline() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        pytest.raises(DialError, match="warm-0 did not answer in time") as caught,
    ):
        connect(
            f"tcp://127.0.0.1:{listening.getsockname()[1]}", DialOptions(grpc_engine="grpcio", timeout=0.3)
        )

    assert caught.value.reason == "timeout"


def test_connecting_ends_when_it_is_cancelled() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, Cancellation() as cancellation:
        cancellation.cancel()

        with pytest.raises(CancelledError):
            connect(f"tcp://127.0.0.1:{listening.getsockname()[1]}", cancellation=cancellation)


@pytest.mark.parametrize("name", ["buildkitd.sock", "with space and 100 %.sock"])
def test_a_unix_socket_has_any_name(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is longer than a socket's path may be
        path = f"{folder}/{name}"

        with Server(f"unix:{quote(path)}"), connect(f"unix://{path}") as channel:
            assert echo(channel) == b"hello"


def test_tls_has_a_client_certificate_and_a_name(tmp_path: Path) -> None:
    ca = CA()
    files = ca.write_tls_dir(tmp_path / "tls", ca.client())
    tls = TLSOptions(
        ca=f"{files}/ca.pem", cert=f"{files}/cert.pem", key=f"{files}/key.pem", server_name="buildkitd.test"
    )

    with (
        Server(tls=ca.server(("buildkitd.test",)), clients=ca) as server,
        connect(f"tcp://127.0.0.1:{server.port}", _with_tls(tls)) as channel,
    ):
        assert echo(channel) == b"hello"


@pytest.mark.parametrize(
    ("names", "trusted", "message"),
    [
        (("elsewhere.test",), True, 'its certificate is not valid for "127.0.0.1"'),
        (("127.0.0.1",), False, "its certificate is not trusted"),
    ],
)
def test_a_certificate_that_is_wrong_is_told_in_the_words_of_the_other_engine(
    tmp_path: Path, names: tuple[str, ...], trusted: bool, message: str
) -> None:
    ca = CA()
    (tmp_path / "ca.pem").write_bytes(ca.pem if trusted else CA().pem)
    options = _with_tls(TLSOptions(ca=str(tmp_path / "ca.pem")))

    with Server(tls=ca.server(names)) as server, pytest.raises(DialError, match=message):
        connect(f"tcp://127.0.0.1:{server.port}", options)


def test_a_file_of_tls_that_is_no_certificate_is_the_user_s_to_correct(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")

    with pytest.raises(UsageError, match="holds no certificate in PEM form"):
        connect("tcp://127.0.0.1:1", _with_tls(TLSOptions(ca=str(tmp_path / "ca.pem"))))


def test_a_stream_that_is_no_socket_is_bridged_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    options = _with_podman(tmp_path, _PODMAN.replace("PORT", str(server.port)))
    sockets = _private_sockets()

    with connect("podman-container://builder", options) as channel:
        assert echo(channel) == b"hello"
        assert _private_sockets() == sockets  # nobody else can connect

    assert _private_sockets() == sockets


def test_a_call_that_comes_just_after_the_connection_went_away_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peers: set[bytes] = set()
    with Server(max_age=0.5) as server, connect(f"tcp://127.0.0.1:{server.port}") as channel:

        def start(self: GrpcioChannel, method: str, **named: Any) -> RpcCall:
            with monkeypatch.context() as patch:  # what was asked is old by the time grpcio has the call
                patch.setattr(GrpcioChannel, "_connected", lambda _self: True)
                return begin(self, method, **named)

        begin = GrpcioChannel.start
        monkeypatch.setattr(GrpcioChannel, "start", start)
        with pytest.raises(ConnectionLostError, match="lost warm-0"):
            ask_for_peers(channel, peers)

    assert len(peers) == 1


def test_what_a_bridged_stream_says_of_its_end_is_the_error(tmp_path: Path) -> None:
    options = _with_podman(tmp_path, "#!/bin/sh\necho no container with name builder >&2\nexit 125\n")

    with pytest.raises(UnreachableError, match="no container with name builder"):
        connect("podman-container://builder", options)


def test_what_was_not_read_holds_no_thread_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    full = threading.Event()

    class Room(threading.Semaphore):
        def acquire(self, *_arguments: object, **_named: object) -> bool:
            if super().acquire(blocking=False):
                return True
            full.set()
            return super().acquire()

    with connect(f"tcp://127.0.0.1:{server.port}") as channel:
        monkeypatch.setattr("router.rpc.grpcio.threading.Semaphore", Room)
        channel.start("/test.Service/Count", request=b"5000", on_message=lambda _: None)
        monkeypatch.undo()
        assert full.wait(20)

    assert [thread for thread in threading.enumerate() if thread.name == "grpcio"] == []


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "router.rpc.grpcio", raising=False)
    monkeypatch.setitem(sys.modules, "grpc", None)

    with pytest.raises(UsageError, match="--grpc-engine grpcio needs the package grpcio") as caught:
        connect("tcp://127.0.0.1:1")

    assert caught.value.hint == f"{sys.executable} -m pip install 'grpcio>=1.67'"


def _with_tls(tls: TLSOptions) -> DialOptions:
    return DialOptions(grpc_engine="grpcio", timeout=5, tls=tls)


def _with_podman(folder: Path, script: str) -> DialOptions:
    program = folder / "podman"
    program.write_text(script)
    program.chmod(0o755)
    path = f"{folder}:/usr/bin:/bin"
    return DialOptions(grpc_engine="grpcio", timeout=5, environment={"PATH": path})


def _private_sockets() -> set[str]:
    found = Path(tempfile.gettempdir()).glob("warmroute-*/buildkitd.sock")
    return {os.fspath(path) for path in found}
