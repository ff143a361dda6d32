from __future__ import annotations

import pytest

from router.rpc.events import Headers
from router.rpc.messages import IncomingMessage, MalformedMessage, Part, check_headers
from tests.unit.rpc.peers import REQUEST, RESPONSE, TRAILERS

STATUS = (b":status", b"200")
LENGTH = (b"content-length", b"5")


@pytest.mark.parametrize(
    ("part", "headers"),
    [("request", REQUEST), ("response", RESPONSE), ("trailers", TRAILERS), ("trailers", [])],
)
def test_what_grpc_sends_is_well_formed(part: Part, headers: Headers) -> None:
    check_headers(part, headers)


@pytest.mark.parametrize(
    ("part", "headers", "why"),
    [
        ("request", REQUEST[1:], ":method' is missing"),
        ("request", [*REQUEST[:2], (b":path", b"")], "the path is empty"),
        ("request", [*REQUEST, (b":path", b"/x")], "behind an ordinary header"),
        ("request", [REQUEST[0], *REQUEST], "not twice"),
        ("request", [STATUS, *REQUEST], "may not stand in request headers"),
        ("request", [(b":protocol", b"x"), *REQUEST], "may not stand in request headers"),
        ("request", [*REQUEST, (b"Upper", b"x")], "'Upper' is not a header name"),
        ("request", [*REQUEST, (b"", b"x")], "'' is not a header name"),
        ("request", [*REQUEST, (b"a b", b"x")], "'a b' is not a header name"),
        ("request", [*REQUEST, (b"n\xe4me", b"x")], "is not a header name"),
        ("request", [*REQUEST, (b"x", b"a\r\nb: c")], "a line end or a NUL"),
        ("request", [*REQUEST, (b"x", b"a\0")], "a line end or a NUL"),
        ("request", [*REQUEST, (b"connection", b"close")], "belongs to HTTP/1"),
        ("request", [*REQUEST, (b"te", b"gzip")], "belongs to HTTP/1"),
        ("response", [], ":status' is missing"),
        ("response", [STATUS, STATUS], "not twice"),
        ("trailers", [STATUS], "may not stand in trailers headers"),
    ],
)
def test_what_is_malformed_is_told(part: Part, headers: Headers, why: str) -> None:
    with pytest.raises(MalformedMessage, match=why):
        check_headers(part, headers)


def test_a_response_may_have_words_in_between_and_then_one_head() -> None:
    message = IncomingMessage("response")
    message.headers([(b":status", b"103")], ended=False)
    message.headers(RESPONSE, ended=False)
    message.headers(TRAILERS, ended=True)

    assert message.blocks == 3


def test_a_request_has_no_words_in_between() -> None:
    message = IncomingMessage("request")
    message.headers(REQUEST, ended=False)

    with pytest.raises(MalformedMessage, match="in the middle"):
        message.headers(TRAILERS, ended=False)


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([4], id="too little"),
        pytest.param([6], id="too much"),
        pytest.param([2, 2, 2], id="too much in the end"),
        pytest.param([], id="nothing"),
    ],
)
def test_content_of_another_length_than_its_head_tells_is_malformed(sizes: list[int]) -> None:
    message = IncomingMessage("response")
    message.headers([STATUS, LENGTH], ended=False)

    def take_all() -> None:
        for size in sizes:
            message.data(size, ended=False)
        message.headers(TRAILERS, ended=True)

    with pytest.raises(MalformedMessage, match="its length"):
        take_all()


def test_content_of_the_told_length_is_well_formed() -> None:
    message = IncomingMessage("response")
    message.headers([STATUS, LENGTH, LENGTH], ended=False)
    message.data(3, ended=False)
    message.data(2, ended=True)

    assert message.sized


@pytest.mark.parametrize("value", [b"five", b"-1", b"", b"1" * 20])
def test_a_length_that_is_no_number_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedMessage, match="content length"):
        IncomingMessage("response").headers([STATUS, (b"content-length", value)], ended=False)


def test_two_lengths_are_malformed() -> None:
    with pytest.raises(MalformedMessage, match="content length"):
        IncomingMessage("response").headers([STATUS, LENGTH, (b"content-length", b"6")], ended=False)
