"""Reaching an API server through a proxy."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from router.errors import DialError
from router.kubernetes.api import KubeApi
from router.kubernetes.config import KubeSource, load_target
from router.net.deadline import Deadline
from router.net.proxy import connect_through, parse_proxy
from tests.wire.transport.api_server import ApiServer, http
from tests.wire.transport.peers import peer, read_head


def splice(client: socket.socket, port: int) -> None:
    """Pass bytes between a client and a port on loopback until both are done."""
    with socket.create_connection(("127.0.0.1", port)) as server:

        def back() -> None:
            while piece := server.recv(1 << 16):
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=back)
        thread.start()
        while piece := client.recv(1 << 16):
            server.sendall(piece)
        server.shutdown(socket.SHUT_WR)
        thread.join()


def test_a_tunnel_of_an_http_proxy_carries_tls_to_the_api_server(tmp_path: Path) -> None:
    asked: list[bytes] = []
    server = ApiServer(tmp_path, reply=http("200 OK", {"items": []}))
    with peer(server.secure()) as port:

        def proxy(sock: socket.socket) -> None:
            asked.append(read_head(sock))
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            splice(sock, port)

        with peer(proxy) as proxy_port:
            url = f"http://jane:pw@127.0.0.1:{proxy_port}"
            path = server.kubeconfig(port, **{"proxy-url": url})
            api = KubeApi(load_target(KubeSource(environment={}, kubeconfig=path)), {})
            assert api.get("/api/v1/pods", Deadline(5)).body == b'{"items": []}'
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic amFuZTpwdw==\r\n" in asked[0]


def test_a_socks_proxy_is_asked_by_name() -> None:
    asked: list[bytes] = []

    def proxy(sock: socket.socket) -> None:
        asked.append(sock.recv(3))
        sock.sendall(b"\5\0")
        asked.append(sock.recv(64))
        sock.sendall(b"\5\0\0\1\0\0\0\0\0\0hello")

    with peer(proxy) as port:
        sock = connect_through(parse_proxy(f"socks5://127.0.0.1:{port}"), "k.example", 443, Deadline(5))
        with sock:
            assert sock.recv(5) == b"hello"
    assert asked == [b"\5\1\0", b"\5\1\0\3\x09k.example\x01\xbb"]


def test_a_socks_proxy_is_given_user_and_password() -> None:
    asked: list[bytes] = []

    def proxy(sock: socket.socket) -> None:
        sock.recv(4)
        sock.sendall(b"\5\2")
        asked.append(sock.recv(64))
        sock.sendall(b"\1\1")

    with peer(proxy) as port, pytest.raises(DialError, match="refused the user and password"):
        connect_through(parse_proxy(f"socks5://jane:pw@127.0.0.1:{port}"), "k", 443, Deadline(5))
    assert asked == [b"\1\4jane\2pw"]


@pytest.mark.parametrize(
    ("scheme", "answer", "message"),
    [
        ("http", b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "407 Proxy"),
        ("http", b"nonsense\r\n\r\n", "not HTTP"),
        ("socks5", b"\5\xff", "an unsupported kind of login"),
        ("socks5", b"HT", "not a SOCKS5 proxy"),
        ("socks5", b"\5\0\5\5\0\1\0\0\0\0\0\0", "SOCKS5 error 5"),
        ("socks5", b"\5", "closed the connection|reset"),
    ],
)
def test_a_proxy_that_refuses_is_named(scheme: str, answer: bytes, message: str) -> None:
    def proxy(sock: socket.socket) -> None:
        sock.recv(1 << 10)
        sock.sendall(answer)

    with peer(proxy) as port, pytest.raises(DialError, match=message) as caught:
        connect_through(parse_proxy(f"{scheme}://127.0.0.1:{port}"), "k", 443, Deadline(5))
    assert f"the proxy {scheme}://127.0.0.1:{port}" in str(caught.value)
