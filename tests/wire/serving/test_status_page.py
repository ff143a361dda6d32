"""The status page on the wire: what it answers, to whom, and what those get who mean harm or don't read."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.errors import FleetError, RouterError, UsageError
from router.model.address import TcpAddress
from router.model.daemon import Daemon
from router.placement.key import Key
from router.serving.peers import Peers
from router.serving.watching import http_server
from router.serving.watching.board import Board
from router.serving.watching.http_server import HttpServer, Page, Stream
from router.serving.watching.lookout import Lookout
from router.serving.watching.opening import open_health, open_status
from router.serving.watching.status_page import StatusPage
from router.transport.options import DialOptions
from tests.servers.ports import free_port


@dataclass
class Site:
    """A server with a plain page, and a stream whose ticks are ``tick``."""

    port: int
    server: HttpServer
    tick: Callable[[], bytes | None] = lambda: None
    ticked: threading.Event = field(default_factory=threading.Event)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def says(self, data: bytes) -> bytes:
        """Return all that comes back until it hangs up."""
        with self.connect() as sock:
            sock.sendall(data)
            return _to_end(sock)

    def get(self, path: str, *headers: str, method: str = "GET", host: str = "127.0.0.1") -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]
        return self.says("\r\n".join(lines).encode())

    def listens(self) -> socket.socket:
        """Return a connection with a stream that has begun."""
        sock = self.connect()
        sock.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(12) == b"HTTP/1.1 200"
        return sock


def _to_end(sock: socket.socket) -> bytes:
    found = b""
    while data := sock.recv(65536):
        found += data
    return found


def _status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def _body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


@pytest.fixture
def site() -> Iterator[Site]:
    def answer(path: str) -> Page | Stream | None:
        match path:
            case "/":
                return Page(body=b"hello")
            case "/events":
                return Stream(tick=tick)
            case _:
                return None

    def tick() -> bytes | None:
        made.ticked.set()
        return made.tick()

    sock = open_status(TcpAddress(host="127.0.0.1", port=0))
    with HttpServer(sock, answer) as server:
        made = Site(port=sock.getsockname()[1], server=server)
        server.start()
        yield made


# -- requests


def test_a_page_is_answered_with_its_length_and_nothing_that_others_may_keep(site: Site) -> None:
    answer = site.get("/?x=1")

    assert (_status(answer), _body(answer)) == (200, b"hello")
    assert b"\r\nContent-Length: 5\r\n" in answer
    assert b"\r\nCache-Control: no-store\r\n" in answer
    assert b"access-control" not in answer.lower()


def test_a_head_has_no_body(site: Site) -> None:
    answer = site.get("/", method="HEAD")

    assert (_status(answer), _body(answer)) == (200, b"")
    assert b"Content-Length: 5" in answer
    assert _body(site.get("/events", method="HEAD")) == b""


def test_what_is_not_there_is_not_found(site: Site) -> None:
    assert _status(site.get("/etc/passwd")) == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH"])
def test_nothing_can_be_changed(site: Site, method: str) -> None:
    assert _status(site.get("/", method=method)) == 405


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:9090", "localhost:80", "LOCALHOST", "[::1]:1", "10.1.2.3"]
)
def test_the_page_is_there_by_address_and_as_localhost(site: Site, host: str) -> None:
    assert _status(site.get("/", host=host)) == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.test",
        "evil.test:9090",
        "127.0.0.1.evil.test",
        "localhost.evil.test",
        "127.0.0.1@evil.test",
        "[::1",
        "::1]",
    ],
)
def test_a_name_that_anybody_could_point_here_is_refused(site: Site, host: str) -> None:
    assert _status(site.get("/", host=host)) == 403


def test_a_request_without_a_host_or_with_two_is_refused(site: Site) -> None:
    assert _status(site.says(b"GET / HTTP/1.1\r\n\r\n")) == 403
    assert _status(site.get("/", "Host: evil.test")) == 400


def test_another_site_can_link_to_the_page_but_not_load_it(site: Site) -> None:
    cross = "Sec-Fetch-Site: cross-site"

    assert _status(site.get("/", cross, "Sec-Fetch-Mode: navigate")) == 200
    assert _status(site.get("/", cross, "Sec-Fetch-Mode: no-cors")) == 403
    assert _status(site.get("/events", cross, "Sec-Fetch-Mode: cors")) == 403


@pytest.mark.parametrize(
    "request_line",
    [
        "GET http://127.0.0.1/ HTTP/1.1",
        "GET / HTTP/2.0",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 x",
        "hello",
        "GET /\x01 HTTP/1.1",
    ],
)
def test_what_is_no_request_is_refused(site: Site, request_line: str) -> None:
    assert _status(site.says(f"{request_line}\r\nHost: localhost\r\n\r\n".encode())) == 400


@pytest.mark.parametrize("header", ["no colon", "a b: c", " folded", "x: \x00", ": empty"])
def test_a_broken_header_is_refused(site: Site, header: str) -> None:
    assert _status(site.get("/", header)) == 400


def test_a_head_without_end_is_refused(site: Site) -> None:
    assert _status(site.says(b"GET / HTTP/1.1\r\nx: " + b"a" * (16 << 10) + b"a" * 1024)) == 431


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_whatever_is_said_the_next_one_is_answered(site: Site, data: bytes) -> None:
    with site.connect() as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        _to_end(sock)

    assert _status(site.get("/")) == 200


# -- those who don't send, don't read, or don't go


def test_who_says_nothing_is_let_go(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_HEAD_WITHIN", 0.3)

    assert site.says(b"GET / HT") == b""


def test_connections_are_bounded_and_make_room_for_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "_MOST_CONNECTIONS", 3)
    with ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(site.connect())
        with site.connect() as one_more:
            assert one_more.recv(1) == b""

    assert _eventually(lambda: _answers(site))


def test_streams_are_bounded_and_leave_room_for_pages(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_MOST_STREAMS", 2)
    with closing(site.listens()), closing(site.listens()):
        assert _status(site.get("/events")) == 503
        assert _status(site.get("/")) == 200

    assert _eventually(lambda: _listens(site))


def test_who_does_not_read_a_stream_is_let_go(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_SEND_WITHIN", 0.3)
    monkeypatch.setattr(http_server, "_MOST_STREAMS", 1)
    site.tick = lambda: b"x" * (64 << 20)
    with closing(site.listens()):
        assert site.ticked.wait(10)
        site.tick = lambda: None

        assert _eventually(lambda: _listens(site))


def test_a_stream_tells_what_is_new_and_ends_with_the_server(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "_PULSE", 2)
    told = iter([b"1", None, b"2"])
    site.tick = lambda: next(told, None)
    with closing(site.listens()) as sock:
        reader = sock.makefile("rb")
        events = [
            line for line in iter(reader.readline, b"") if line.startswith(b"data:") or _closed(site, line)
        ]

    assert events == [b"data: 1\n", b"data: 2\n"]


def _closed(site: Site, line: bytes) -> bool:
    """Close the server once all was told."""
    if line.startswith(b": here"):
        site.server.close()
    return False


def _eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if holds():
            return True
    return False


def _answers(site: Site) -> bool:
    try:
        return _status(site.get("/")) == 200
    except (OSError, IndexError):
        return False


def _listens(site: Site) -> bool:
    with site.connect() as sock:
        sock.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return sock.recv(12) == b"HTTP/1.1 200"


# -- where it may be


def test_only_this_machine_can_open_it_unless_that_is_said() -> None:
    with pytest.raises(UsageError, match="would be open to other machines") as caught:
        open_status(TcpAddress(host="0.0.0.0", port=0))

    assert "--insecure-status" in (caught.value.hint or "")
    open_status(TcpAddress(host="0.0.0.0", port=0), insecure=True).close()


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(RouterError, match="in use"):
        open_status(TcpAddress(host="127.0.0.1", port=taken.getsockname()[1]))


def test_every_machine_may_ask_whether_it_is_healthy() -> None:
    open_health(TcpAddress(host="0.0.0.0", port=0)).close()
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RouterError, match=f"can't answer health checks on 0.0.0.0:{port}: .* in use"):
            open_health(TcpAddress(host="0.0.0.0", port=port))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_a_name_that_is_not_known_is_told(host: str) -> None:
    with pytest.raises(UsageError, match="is not known"):
        open_status(TcpAddress(host=host, port=0))


# -- what the pages are


@dataclass
class Watched:
    """A status page over daemons that nobody reaches."""

    site: Site
    board: Board
    draining: bool = False

    def json(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(_body(self.site.get(path)))
        return found


@pytest.fixture
def watched() -> Iterator[Watched]:
    daemons = [Daemon(name=name, address=TcpAddress(host="127.0.0.1", port=free_port())) for name in "ab"]
    with _Watching(lambda: daemons) as made:
        yield made


class _Watching:
    def __init__(self, fleet: Callable[[], Sequence[Daemon]]) -> None:
        self._fleet = fleet
        self._opened = ExitStack()

    def __enter__(self) -> Watched:
        board = Board()
        options = DialOptions(environment={}, timeout=2.0)
        lookout = self._opened.enter_context(
            Lookout(self._opened.enter_context(Peers(self._fleet, options)), board)
        )
        page = StatusPage(board, lookout, "ring", lambda: made.draining)
        sock = open_status(TcpAddress(host="127.0.0.1", port=0))
        server = self._opened.enter_context(HttpServer(sock, page.answer))
        made = Watched(site=Site(port=sock.getsockname()[1], server=server), board=board)
        server.start()
        return made

    def __exit__(self, *_error: object) -> None:
        self._opened.close()


def test_the_page_loads_nothing_and_runs_its_own_script_alone(watched: Watched) -> None:
    answer = watched.site.get("/")
    head, _, body = answer.partition(b"\r\n\r\n")
    policy = re.search(rb"Content-Security-Policy: (.*)\r\n", head)
    assert policy is not None
    script = body.partition(b"<script>")[2].partition(b"</script>")[0]

    assert base64.b64encode(hashlib.sha256(script).digest()) in policy[1]
    assert b"default-src 'none'" in policy[1]
    assert b"unsafe" not in policy[1]
    assert b"frame-ancestors 'none'" in policy[1]
    assert not re.search(rb"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\seval\(| on[a-z]+=", body)
    assert set(re.findall(rb"https?://[^\"']+", body)) == {b"http://www.w3.org/2000/svg"}
    assert body.count(b"<style>") == body.count(b"<script>") == 1
    assert b" style=" not in body


def test_it_is_healthy_until_it_takes_no_more_builds(watched: Watched) -> None:
    before = watched.site.get("/healthz")
    watched.draining = True
    after = watched.site.get("/healthz")

    assert (_status(before), _body(before)) == (200, b"ok\n")
    assert (_status(after), _body(after)) == (503, b"shutting down\n")


def test_builds_are_told_as_json(watched: Watched) -> None:
    watched.board.begins("r1", Key(key="<img src=x onerror=alert(1)>", rule="session"), "me")
    (build,) = watched.json("/api/builds")["in_flight"]

    assert (build["key"], build["state"]) == ("<img src=x onerror=alert(1)>", "waiting")


def test_daemons_that_do_not_answer_are_told_with_why(watched: Watched) -> None:
    found = watched.json("/api/daemons")["daemons"]

    assert [(each["name"], each["state"]) for each in found] == [
        ("a", "unreachable"),
        ("b", "unreachable"),
    ]
    assert "refused" in found[0]["detail"]


def test_the_ring_is_told_with_the_homes_of_keys(watched: Watched) -> None:
    watched.board.begins("r1", Key(key="app", rule="tag"), "me")
    found = watched.json("/api/ring")

    assert found["placement"] == "ring"
    assert [each["key"] for each in found["keys"]] == ["app"]
    assert {each["daemon"] for each in found["stretches"]} == {"a", "b"}


def test_the_metrics_count_builds(watched: Watched) -> None:
    watched.board.begins("r1", Key(key="app", rule="tag"), "me")
    watched.board.placed("r1", "a")
    text = _body(watched.site.get("/metrics"))
    watched.board.ended("r1", None)
    after = _body(watched.site.get("/metrics"))

    assert b"\nwarmroute_serve_in_flight 1\n" in text
    assert b'\nwarmroute_serve_builds_total{result="completed"} 1\n' in after


def test_a_stream_has_everything_and_what_strangers_said_stays_one_line(watched: Watched) -> None:
    watched.board.begins("r1", Key(key="a\n\ndata: b\r\u2028", rule="session"), "me")
    with watched.site.connect() as sock:
        sock.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lines = sock.makefile("rb")
        data = next(line for line in lines if line.startswith(b"data: "))
    found = json.loads(data.removeprefix(b"data: "))

    assert found["in_flight"][0]["key"] == "a\n\ndata: b\r\u2028"
    assert {"daemons", "ring", "summary", "totals", "ended", "now", "draining"} <= found.keys()


def test_a_fleet_that_can_not_be_listed_is_told() -> None:
    def fleet() -> Sequence[Daemon]:
        raise FleetError("the cluster is away")

    with _Watching(fleet) as made:
        found = made.json("/api/daemons")

    assert found == {"daemons": [], "error": "can't list the daemons: the cluster is away"}


def test_nobody_is_asked_while_nobody_looks() -> None:
    listed = 0

    def fleet() -> Sequence[Daemon]:
        nonlocal listed
        listed += 1
        return [Daemon(name="a", address=TcpAddress(host="127.0.0.1", port=free_port()))]

    with _Watching(fleet) as made:
        made.site.get("/healthz")
        made.site.get("/")
        before = listed
        made.json("/api/daemons")

    assert (before, listed > 0) == (0, True)
