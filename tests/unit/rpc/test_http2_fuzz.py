"""Whatever a peer sends: events or an Http2Error, soon, and without holding on to much."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.rpc.frames import PREFACE, frame
from router.rpc.frames import settings as settings_frame
from router.rpc.http2 import Http2Connection, Http2Error
from tests.unit.rpc.peers import REQUEST, Pieces, joined
from tests.unit.rpc.test_http2 import headers

STREAM_IDS = st.sampled_from([0, 1, 2, 3, 5, 401, 2**31 - 1, 2**32 - 1])
FRAMES = st.builds(
    frame,
    kind=st.integers(0, 11),
    flags=st.one_of(st.sampled_from([0, 1, 4, 5, 8, 13, 32, 45]), st.integers(0, 255)),
    stream_id=STREAM_IDS,
    payload=st.one_of(
        st.binary(max_size=24),
        st.sampled_from([b"", b"\x88", bytes(8), b"\0\0\0\1", b"\0\4\0\0\0\0", b"\0\4\x7f\xff\xff\xff"]),
    ),
)
REQUESTS = st.builds(headers, st.sampled_from([1, 3, 5]), end=st.booleans())
WIRES = st.one_of(
    st.lists(st.one_of(FRAMES, FRAMES, REQUESTS), max_size=12).map(b"".join), st.binary(max_size=200)
)


def opened(*, client: bool) -> Http2Connection:
    """A connection on which the peer has said the little that every peer says, and a stream is under way."""
    connection = Http2Connection(client=client)
    if client:
        connection.open_stream(REQUEST)
        connection.receive(settings_frame({}))
    else:
        connection.receive(PREFACE + settings_frame({}) + headers(1))
    connection.set_source(1, Pieces([b"x" * 1000] * 3))
    return connection


@pytest.mark.parametrize("client", [True, False], ids=["as a client", "as a server"])
@settings(deadline=None, max_examples=150)
@given(wires=st.lists(WIRES, max_size=4))
def test_whatever_arrives_is_events_or_an_http2_error(*, client: bool, wires: list[bytes]) -> None:
    connection = opened(client=client)

    try:
        for wire in wires:
            connection.receive(wire)
            assert len(joined(connection.take(10_000))) < 100_000
    except Http2Error:
        pass


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=80))
def test_whatever_begins_a_connection_is_events_or_an_http2_error(wire: bytes) -> None:
    for client in (True, False):
        try:
            Http2Connection(client=client).receive(wire)
        except Http2Error:
            continue
