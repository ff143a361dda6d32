"""The little HTTP/1.1 that transports need, however its bytes are split."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.net.deadline import Deadline
from router.net.http1 import HttpProtocolError, Reply, Request, exchange

REQUEST = Request(method="GET", target="/", host="h", headers=(("Authorization", "Bearer sesame"),))


def answer(*pieces: bytes, request: Request = REQUEST, close: bool = True) -> tuple[Reply, bytes]:
    """Let a peer answer with these writes; return the reply and what the peer had been sent."""
    near, far = socket.socketpair()
    with near, far:

        def respond() -> None:
            with suppress(OSError):  # the client left
                for piece in pieces:
                    far.sendall(piece)
                if close:
                    far.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=respond)
        thread.start()
        try:
            reply = exchange(near, request, Deadline(60))
        except BaseException:
            near.shutdown(socket.SHUT_RDWR)
            raise
        finally:
            thread.join()
        near.shutdown(socket.SHUT_WR)
        sent = b""
        while piece := far.recv(4096):
            sent += piece
        return reply, sent


def test_a_request_carries_its_headers_and_not_in_its_repr() -> None:
    _, sent = answer(b"HTTP/1.1 204 No Content\r\n\r\n", close=False)
    assert sent == b"GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sesame\r\n\r\n"
    assert "sesame" not in repr(REQUEST)


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\nA\r\n, how are \r\n4\r\nyou?\r\n0\r\nTrailer: x\r\n\r\n"
)
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\nhello, how are you?and more"
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\n\r\nhello, how are you?"


@pytest.mark.parametrize("wire", [CHUNKED, LENGTH, UNTIL_CLOSE])
@given(data=st.data())
def test_any_split_of_the_answer_gives_the_same_body(wire: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    pieces = [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    reply, _ = answer(*pieces)
    assert (reply.status, reply.phrase, reply.body) == (200, "OK", b"hello, how are you?")


def test_an_upgrade_keeps_what_follows_its_head() -> None:
    wire = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n\0\0\0\4"
    reply, _ = answer(wire, close=False)
    assert (reply.status, reply.headers["upgrade"], reply.rest) == (101, "h2c", b"\0\0\0\4")


def test_informational_answers_are_skipped() -> None:
    reply, _ = answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
    assert (reply.status, reply.text) == (404, "no")


def test_a_tunnel_has_no_body() -> None:
    request = Request(method="CONNECT", target="k:443", host="k:443")
    reply, _ = answer(b"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03", request=request, close=False)
    assert reply.rest == b"\x16\x03"


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP/1.1"),
        (b"\0\0\x06\x04\0\0\0\0\0", "not HTTP/1.1"),
        (b"HTTP/2 200\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 OK\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent", "ended early"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "ended early"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "no valid Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broken chunk"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", "broken chunk"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "too large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n", "no valid Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", "no valid Content-Length"),
        (b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1_0\r\n", "broken chunk"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", "broken chunk"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 5000, "broken chunk"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 17, "more than 16 interim answers"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000, "not HTTP"),
        (CHUNKED[:-2] + b"a: b\r\n" * 20_000, "trailers are too large"),
    ],
)
def test_what_is_no_answer_is_an_error(wire: bytes, message: str) -> None:
    with pytest.raises(HttpProtocolError, match=message):
        answer(wire)


_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_very_small_chunks_take_memory_in_proportion() -> None:
    wire = _HEAD + b"2\r\nab\r\n" * 100_000 + b"0\r\n\r\n"

    tracemalloc.start()
    try:
        reply, _ = answer(wire)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert reply.body == b"ab" * 100_000
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (_HEAD, b"1\r\na\r\n"),
        (_HEAD + b"0\r\n", b"a: b\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    ],
)
def test_an_answer_without_end_is_given_up(begin: bytes, again: bytes) -> None:
    near, far = socket.socketpair()

    def flood() -> None:
        with suppress(OSError):  # the client leaves
            far.sendall(begin)
            while True:
                far.sendall(again * 10_000)

    thread = threading.Thread(target=flood)
    thread.start()
    begun = time.monotonic()
    try:
        with pytest.raises(OSError, match=r"timed out|interim answers|too large"):
            exchange(near, REQUEST, Deadline(0.5), most=1 << 30)
        taken = time.monotonic() - begun
    finally:
        near.close()
        thread.join()
        far.close()

    assert taken < 20


def test_a_peer_that_never_answers_is_given_up_at_the_deadline() -> None:
    near, far = socket.socketpair()
    with near, far, pytest.raises(TimeoutError):
        exchange(near, REQUEST, Deadline(0.2))
