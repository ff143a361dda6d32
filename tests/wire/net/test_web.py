"""Requests to web servers: redirects, proxies, TLS, and answers that are none."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import DialError, UsageError
from router.net.deadline import Deadline
from router.net.http1 import Reply
from router.net.web import WebRequest, fetch, location_of
from tests.servers.certs import CA
from tests.wire.transport.peers import peer, read_head, tls, unused_port


def reply(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    fields = {"Content-Length": str(len(body)), **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Web:
    """Answers by path, and keeps the heads of what it was asked."""

    def __init__(self, **answers: bytes) -> None:
        self.answers = {f"/{name}": answer for name, answer in answers.items()}
        self.asked: list[str] = []

    def __call__(self, sock: socket.socket) -> None:
        head = read_head(sock).decode()
        self.asked.append(head)
        sock.sendall(self.answers.get(head.split()[1].partition("?")[0], reply(status="404 Not Found")))


@contextmanager
def served(web: Web) -> Iterator[str]:
    with peer(web) as port:
        yield f"http://127.0.0.1:{port}"


def get(
    url: str, environment: Mapping[str, str] | None = None, context: ssl.SSLContext | None = None
) -> Reply:
    return fetch(WebRequest(url=url, authorization="Basic hidden"), environment or {}, Deadline(5), context)


def test_a_get_has_path_query_and_login() -> None:
    web = Web(token=reply(b"body"))
    with served(web) as url:
        assert get(f"{url}/token?a=b%20c&d=e").body == b"body"

    assert web.asked[0].startswith("GET /token?a=b%20c&d=e HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "\r\nAuthorization: Basic hidden\r\n" in web.asked[0]
    assert "\r\nUser-Agent: warmroute\r\n" in web.asked[0]


def test_a_post_has_its_body_and_its_redirect_is_not_followed() -> None:
    web = Web(token=reply(status="307 Temporary Redirect", Location="/other"))
    with served(web) as url:
        answer = fetch(WebRequest(url=f"{url}/token", method="POST", body=b"a=b"), {}, Deadline(5))

    assert answer.status == 307
    assert "\r\nContent-Length: 3\r\n" in web.asked[0]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_a_get_follows_redirects_with_its_login_on_the_same_host(status: str) -> None:
    web = Web(token=reply(status=status, Location="there?x=1"), there=reply(b"body"))
    with served(web) as url:
        assert get(f"{url}/token").body == b"body"

    assert web.asked[1].startswith("GET /there?x=1 HTTP/1.1\r\n")
    assert "Basic hidden" in web.asked[1]


def test_a_login_does_not_follow_to_another_host() -> None:
    other = Web(there=reply(b"body"))
    with served(other) as there:
        web = Web(token=reply(status="302 Found", Location=f"{there}/there"))
        with served(web) as url:
            assert get(f"{url}/token").body == b"body"

    assert "Basic hidden" in web.asked[0]
    assert "Basic" not in other.asked[0]


def test_a_head_has_no_body_whatever_length_it_tells() -> None:
    web = Web(a=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    with served(web) as url:
        answer = fetch(WebRequest(url=f"{url}/a", method="HEAD"), {}, Deadline(5))

    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "99")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_empty_body_that_is_sent_has_its_length(method: str) -> None:
    web = Web(a=reply())
    with served(web) as url:
        fetch(WebRequest(url=f"{url}/a", method=method), {}, Deadline(5))

    assert "\r\nContent-Length: 0\r\n" in web.asked[0]


def test_a_redirect_is_left_to_who_asks_for_it_and_its_url_is_whole() -> None:
    web = Web(a=reply(status="307 Temporary Redirect", Location="/b?c=d"))
    with served(web) as url:
        request = WebRequest(url=f"{url}/a", follows=False)
        answer = fetch(request, {}, Deadline(5))

    assert (answer.status, location_of(request, answer)) == (307, f"{url}/b?c=d")
    assert len(web.asked) == 1


def test_more_than_is_asked_for_is_an_error() -> None:
    with served(Web(a=reply(b"12345"))) as url, pytest.raises(DialError, match="the answer is too large"):
        fetch(WebRequest(url=f"{url}/a", most=4), {}, Deadline(5))


def test_redirects_without_end_are_given_up() -> None:
    web = Web(token=reply(status="302 Found", Location="/token"))
    with served(web) as url, pytest.raises(DialError, match="redirects more than 5 times"):
        get(f"{url}/token")


@pytest.mark.parametrize("location", ["ftp://a/", "http://a b/", "http://[::1/", "http://a:99999/", "//\x7f"])
def test_a_redirect_to_something_that_is_no_url_is_an_error(location: str) -> None:
    web = Web(token=reply(status="302 Found", Location=location))
    with served(web) as url, pytest.raises(DialError, match="redirects to an invalid URL"):
        get(f"{url}/token")


@pytest.mark.parametrize(
    "url",
    ["", "token", "ftp://a/b", "http://", "http://a/b c", "http://a/\r\nX: y", "http://a:0/", "http://é/"],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is not an http or https URL"):
        get(url)


@given(st.text(max_size=40).map("http://127.0.0.1:9/".__add__))
def test_nothing_in_a_url_begins_another_header(url: str) -> None:
    with pytest.raises((UsageError, DialError)):
        get(url)


def test_an_http_proxy_is_told_the_whole_url() -> None:
    proxy = Web()
    with peer(proxy) as port:
        environment = {"http_proxy": f"http://jane:pw@127.0.0.1:{port}"}
        assert get("http://tokens.example/token?a=b", environment).status == 404

    assert proxy.asked[0].startswith(
        "GET http://tokens.example/token?a=b HTTP/1.1\r\nHost: tokens.example\r\n"
    )
    assert "\r\nProxy-Authorization: Basic amFuZTpwdw==\r\n" in proxy.asked[0]


def test_a_proxy_is_asked_for_a_tunnel_to_an_https_server() -> None:
    proxy = Web()
    with peer(proxy) as port, pytest.raises(DialError, match=r"could not connect to tokens\.example:443"):
        get("https://tokens.example/token", {"HTTPS_PROXY": f"http://127.0.0.1:{port}"})

    assert proxy.asked[0].startswith("CONNECT tokens.example:443 HTTP/1.1\r\n")
    assert "hidden" not in proxy.asked[0]


@pytest.fixture(scope="module")
def ca() -> CA:
    return CA()


@contextmanager
def secure(web: Web, ca: CA, folder: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.server().write(folder, "server"))
    with peer(tls(context, web)) as port:
        yield f"https://localhost:{port}"


def trusting(ca: CA) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca.pem.decode())


def test_an_https_server_is_asked_where_its_ca_is_trusted(tmp_path: Path, ca: CA) -> None:
    with secure(Web(token=reply(b"body")), ca, tmp_path) as url:
        assert get(f"{url}/token", context=trusting(ca)).body == b"body"


def test_an_https_server_with_an_unknown_ca_hears_nothing(tmp_path: Path, ca: CA) -> None:
    web = Web(token=reply(b"body"))
    with secure(web, ca, tmp_path) as url, pytest.raises(DialError, match="is not trusted") as caught:
        get(f"{url}/token")

    assert web.asked == []
    assert caught.value.hint is not None
    assert "SSL_CERT_FILE" in caught.value.hint


def test_a_redirect_from_https_to_http_is_not_followed(tmp_path: Path, ca: CA) -> None:
    web = Web(token=reply(status="302 Found", Location="http://127.0.0.1:9/"))
    with secure(web, ca, tmp_path) as url, pytest.raises(DialError, match="redirects to plain http"):
        get(f"{url}/token", context=trusting(ca))


def test_a_server_that_is_not_there_is_named() -> None:
    port = unused_port()
    with pytest.raises(DialError, match=f"can't connect to http://127.0.0.1:{port}: connection refused"):
        get(f"http://127.0.0.1:{port}/token")


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"SSH-2.0-x\r\n", "the answer is not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "the answer ended early"),
    ],
)
def test_an_answer_that_is_none_is_an_error(wire: bytes, why: str) -> None:
    web = Web(token=wire)
    with served(web) as url, pytest.raises(DialError, match=f"no answer from {url}: {why}"):
        get(f"{url}/token")


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1 << 21),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"8\r\naaaaaaaa\r\n" * 140_000,
    ],
)
def test_an_answer_that_is_too_large_is_one_that_another_try_does_not_change(wire: bytes) -> None:
    said = "the answer is too large, more than 1048576 bytes"
    with served(Web(token=wire)) as url, pytest.raises(DialError, match=f"{url}: {said}") as caught:
        get(f"{url}/token")

    assert (caught.value.reason, caught.value.temporary) == ("too-large", False)


def test_a_server_that_says_nothing_is_given_up() -> None:
    def silent(sock: socket.socket) -> None:
        while sock.recv(1 << 16):
            pass

    with peer(silent) as port, pytest.raises(DialError, match="it stayed silent"):
        fetch(WebRequest(url=f"http://127.0.0.1:{port}/"), {}, Deadline(0.2))
