"""What h2 has no way to say, or to see."""

from __future__ import annotations

from collections import deque
from typing import TypeGuard

import pytest

from router.net.stream import Buffer
from router.rpc.events import ErrorCode
from router.rpc.frames import (
    MAX_FRAME_SIZE,
    PREFACE,
    Flag,
    FrameType,
    Setting,
    frame,
    goaway,
    rst_stream,
    window_update,
)
from router.rpc.frames import settings as settings_frame
from router.rpc.headers import header_frames
from router.rpc.http2 import (
    MAX_STREAMS,
    RECEIVE_WINDOW,
    DataReceived,
    Event,
    HeadersReceived,
    Http2Connection,
    Http2Error,
    StreamReset,
)
from tests.unit.rpc.peers import REQUEST, RESPONSE, TRAILERS, Endless, Pieces, joined, plain

Frame = tuple[int, int, int, bytes]
WIDE = settings_frame({Setting.INITIAL_WINDOW_SIZE: 1 << 24}) + window_update(0, 1 << 24)


def frames(wire: bytes) -> list[Frame]:
    """Cut what we sent into frames."""
    found = []
    while wire:
        size = int.from_bytes(wire[:3], "big")
        found.append((wire[3], wire[4], int.from_bytes(wire[5:9], "big"), wire[9 : 9 + size]))
        wire = wire[9 + size :]
    return found


def headers(stream_id: int, *, end: bool = False) -> bytes:
    """A request of a client."""
    return joined(header_frames(stream_id, REQUEST, end=end))


def data(stream_id: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """A DATA frame."""
    return frame(FrameType.DATA, flags, stream_id, payload)


def client(streams: int = 0, *, greeting: bytes = WIDE) -> Http2Connection:
    """A client whose peer has greeted, with this many requests under way, and nothing left to say."""
    connection = Http2Connection(client=True)
    for _ in range(streams):
        connection.open_stream(REQUEST)
    connection.receive(greeting)
    connection.take(0)
    return connection


def server(streams: int = 0, *, greeting: bytes = WIDE) -> Http2Connection:
    """The same as a server."""
    connection = Http2Connection(client=False)
    connection.receive(PREFACE + greeting + b"".join(headers(2 * n + 1) for n in range(streams)))
    connection.take(0)
    return connection


def data_of(wire: bytes) -> dict[int, int]:
    """How much data there is for each stream."""
    sizes: dict[int, int] = {}
    for kind, _, stream_id, payload in frames(wire):
        if kind == FrameType.DATA:
            sizes[stream_id] = sizes.get(stream_id, 0) + len(payload)
    return sizes


# -- who may send how much


def test_streams_that_have_much_to_send_take_turns() -> None:
    connection = client(3)
    for stream_id in (1, 3, 5):
        connection.set_source(stream_id, Endless())

    sent = [data_of(joined(connection.take(100_000))) for _ in range(6)]

    assert [list(each) for each in sent] == [[1], [3], [5], [1], [3], [5]]


def test_a_small_answer_does_not_wait_for_a_large_transfer() -> None:
    connection = server(2, greeting=settings_frame({Setting.INITIAL_WINDOW_SIZE: 1 << 24}))
    connection.set_source(1, Endless())
    connection.take(1 << 20)

    connection.send(3, b"SERVING")
    connection.finish(3, TRAILERS)
    connection.receive(window_update(0, 20))

    # Everything that the connection's window allows goes to the stream that has waited.
    assert data_of(joined(connection.take(1 << 20)))[3] == len(b"SERVING")


def test_trailers_need_no_window() -> None:
    connection = server(2, greeting=settings_frame({Setting.INITIAL_WINDOW_SIZE: 1 << 24}))
    connection.set_source(1, Endless())
    connection.take(1 << 20)

    connection.finish(3, TRAILERS)

    kinds = [(kind, stream_id) for kind, _, stream_id, _ in frames(joined(connection.take(1 << 20)))]
    assert (FrameType.HEADERS, 3) in kinds


def test_a_source_is_asked_for_no_more_than_fits() -> None:
    connection = client(1)
    source = Endless()
    connection.set_source(1, source)

    connection.take(100_000)

    assert source.given == 100_000


def test_a_closed_window_fetches_one_small_piece() -> None:
    connection = client(1, greeting=settings_frame({Setting.INITIAL_WINDOW_SIZE: 0}))
    source = Endless()
    connection.set_source(1, source)

    for _ in range(5):
        assert connection.take(1 << 20) == []

    assert source.given == MAX_FRAME_SIZE


def test_a_source_that_ends_is_noticed_although_the_window_is_closed() -> None:
    connection = server(1, greeting=settings_frame({Setting.INITIAL_WINDOW_SIZE: 0}))
    connection.set_source(1, Pieces([]))
    connection.finish(1, TRAILERS)

    kinds = [kind for kind, *_ in frames(joined(connection.take(1 << 20)))]

    assert kinds == [FrameType.HEADERS, FrameType.RST_STREAM]


def test_many_small_buffers_arrive_in_order() -> None:
    class Many:
        left = 3

        def pull(self, _size: int) -> list[Buffer] | None:
            self.left -= 1
            return [b"%05d" % number for number in range(10_000)] if self.left >= 0 else None

    connection = client(1)
    connection.set_source(1, Many())

    sent = b"".join(payload for *_, payload in frames(joined(connection.take(1 << 20))))

    assert sent == b"".join(b"%05d" % number for number in range(10_000)) * 3


def test_taking_nothing_pulls_nothing() -> None:
    connection = client(1)
    source = Endless()
    connection.set_source(1, source)
    connection.finish(1)

    assert connection.take(0) == []
    assert source.given == 0


def test_what_was_queued_goes_before_what_is_pulled() -> None:
    connection = client(1)
    connection.set_source(1, Pieces([b"pulled"]))
    connection.send(1, b"queued")
    connection.finish(1)

    sent = frames(joined(connection.take(1 << 20)))

    assert [payload for *_, payload in sent] == [b"queued", b"pulled", b""]
    assert sent[-1][1] == Flag.END_STREAM


# -- what a peer may not do


def test_a_stream_beyond_the_limit_is_refused_and_the_others_live() -> None:
    connection = server(MAX_STREAMS)
    newest = 2 * MAX_STREAMS + 1

    assert connection.receive(headers(newest) + data(newest, b"too many")) == []
    assert joined(connection.take(0)) == rst_stream(newest, 7)
    assert plain(connection.receive(data(1, b"fine"))) == [("DataReceived", 1, b"fine", False)]


def test_a_stream_that_ends_makes_room_for_another() -> None:
    connection = server(MAX_STREAMS)
    connection.receive(rst_stream(1, 8))

    (event,) = connection.receive(headers(2 * MAX_STREAMS + 1))

    assert isinstance(event, HeadersReceived)


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(frame(FrameType.PING, 0, 0, bytes(8)) * 11_000, id="PING"),
        pytest.param(settings_frame({}) * 11_000, id="SETTINGS"),
        pytest.param(b"".join(headers(2 * n + 1) for n in range(200, 11_000)), id="too many streams"),
    ],
)
def test_a_flood_whose_answers_are_not_read_ends_the_connection(flood: bytes) -> None:
    connection = server(MAX_STREAMS)

    with pytest.raises(Http2Error, match="reads none"):
        connection.receive(flood)


def test_a_flood_whose_answers_are_read_is_answered() -> None:
    connection = client()

    for _ in range(11_000):
        connection.receive(frame(FrameType.PING, 0, 0, b"12345678"))
        assert len(connection.take(0)) == 1


def test_streams_opened_and_reset_in_a_flood_end_the_connection() -> None:
    connection = server()

    def open_and_reset(stream_id: int) -> None:
        connection.receive(headers(stream_id))
        connection.send_headers(stream_id, RESPONSE)
        assert connection.receive(rst_stream(stream_id, 8)) == [StreamReset(stream_id, 8)]

    with pytest.raises(Http2Error, match="reads none"):
        deque(map(open_and_reset, range(1, 40_001, 2)))


def test_data_that_carries_nothing_makes_no_events() -> None:
    assert server(1).receive(data(1) * 10_000) == []


PADDED_BY_TOO_MUCH = data(1, b"\x05abc", Flag.PADDED)
BLOCK_ON_STREAM_0 = frame(FrameType.HEADERS, 0, 0, b"\x88")
PUSH = frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, 1, b"\0\0\0\2\x88")


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(data(0, b"x"), id="data on stream 0"),
        pytest.param(data(2, b"x"), id="data on a stream of the server's"),
        pytest.param(data(9, b"x"), id="data on a stream that nobody opened"),
        pytest.param(data(1, b"", Flag.END_STREAM) + data(1, b"x"), id="data after the end"),
        pytest.param(PADDED_BY_TOO_MUCH, id="padding larger than the frame"),
        pytest.param(data(1, b"", Flag.PADDED), id="padding without its size"),
        pytest.param(BLOCK_ON_STREAM_0, id="headers on stream 0"),
        pytest.param(headers(2), id="headers on a stream of the server's"),
        pytest.param(frame(FrameType.HEADERS, 0, 3, b"\x88") + data(1), id="a block that is interrupted"),
        pytest.param(frame(FrameType.HEADERS, 0, 3) + headers(5), id="a block inside of a block"),
        pytest.param(frame(FrameType.HEADERS, Flag.PRIORITY, 3, b"abc"), id="a priority without its size"),
        pytest.param(frame(FrameType.CONTINUATION, 4, 1, b"\x88"), id="the middle of a block"),
        pytest.param(window_update(0, 0), id="a window that doesn't grow"),
        pytest.param(window_update(0, 2**31 - 1), id="a window that is too large"),
        pytest.param(window_update(9, 1), id="the window of a stream that nobody opened"),
        pytest.param(settings_frame({4: 2**31}), id="an initial window that is too large"),
        pytest.param(window_update(1, 2**30) + settings_frame({4: 2**31 - 1}), id="windows that overflow"),
        pytest.param(settings_frame({5: 16_383}), id="frames that are too small"),
        pytest.param(settings_frame({5: 2**24}), id="frames that are too large"),
        pytest.param(frame(FrameType.SETTINGS, 0, 0, b"12345"), id="a setting without its end"),
        pytest.param(frame(FrameType.PING, 0, 0, b"1234567"), id="a short PING"),
        pytest.param(frame(FrameType.GOAWAY, 0, 0, b"1234567"), id="a short GOAWAY"),
        pytest.param(frame(FrameType.RST_STREAM, 0, 1, b"123"), id="a short RST_STREAM"),
        pytest.param(rst_stream(9, 1), id="the reset of a stream that nobody opened"),
        pytest.param(frame(FrameType.WINDOW_UPDATE, 0, 0, b"123"), id="a short WINDOW_UPDATE"),
        pytest.param(PUSH, id="a push"),
    ],
)
def test_a_peer_that_breaks_the_protocol_gets_an_error(wire: bytes) -> None:
    connection = server(1)

    with pytest.raises(Http2Error):
        connection.receive(wire)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        pytest.param(headers(1), 1, id="a second head"),
        pytest.param(b"".join(header_frames(1, TRAILERS, end=False)), 1, id="trailers that end nothing"),
        pytest.param(window_update(1, 0), 1, id="a window that doesn't grow"),
        pytest.param(window_update(1, 2**31 - 1), 3, id="a window that is too large"),
    ],
)
def test_what_may_not_stand_on_a_stream_ends_that_stream_and_no_other(wire: bytes, code: int) -> None:
    connection = server(2)

    (reset,) = connection.receive(wire)

    assert isinstance(reset, StreamReset)
    assert (reset.stream_id, reset.code, bool(reset.why)) == (1, code, True)
    assert joined(connection.take(0)) == rst_stream(1, code)
    assert connection.receive(data(1, b"late")) == []
    assert plain(connection.receive(data(3, b"fine"))) == [("DataReceived", 3, b"fine", False)]


@pytest.mark.parametrize(
    "wire", [data(1, b"x"), headers(1), b"".join(header_frames(1, TRAILERS, end=True))], ids=repr
)
def test_what_comes_on_a_stream_after_the_peer_has_ended_it_ends_the_connection(wire: bytes) -> None:
    connection = server(1)
    connection.receive(data(1, b"", Flag.END_STREAM))

    with pytest.raises(Http2Error, match="which it had closed") as caught:
        connection.receive(wire)

    assert caught.value.code == ErrorCode.STREAM_CLOSED


def test_a_stream_that_the_peer_reset_gets_nothing_more() -> None:
    connection = server(1)
    connection.receive(rst_stream(1, 8))

    with pytest.raises(Http2Error, match="which it had closed"):
        connection.receive(data(1, b"x"))


def test_streams_given_up_long_ago_are_still_known_as_given_up() -> None:
    connection = server()
    for number in range(3_000):
        connection.receive(headers(2 * number + 1))
        connection.reset(2 * number + 1)
        connection.take(0)

    assert connection.receive(data(1, b"late") + data(5_999, b"late")) == []


def test_the_goodbye_says_what_the_peer_did_wrong() -> None:
    connection = server()
    with pytest.raises(Http2Error):
        connection.receive(window_update(0, 2**31 - 1))

    connection.close()

    assert joined(connection.take(0)) == goaway(0, ErrorCode.FLOW_CONTROL_ERROR)


def test_a_client_hears_of_no_stream_that_it_did_not_open() -> None:
    connection = client(1)

    with pytest.raises(Http2Error, match="which nobody opened"):
        connection.receive(headers(3))


def test_unknown_frames_and_settings_are_skipped() -> None:
    connection = server(1)

    assert connection.receive(frame(0x77, 255, 1, b"?") + settings_frame({0x99: 1, 1: 0})) == []


@pytest.mark.parametrize("wire", [data(1, b"late"), headers(1), rst_stream(1, 8), window_update(1, 5)])
def test_what_was_under_way_on_a_stream_that_is_over_is_dropped(wire: bytes) -> None:
    connection = server(1)
    connection.reset(1)

    assert connection.receive(wire) == []


def test_the_window_of_the_connection_also_grows_for_streams_that_are_over() -> None:
    connection = server(1)
    connection.reset(1)
    connection.take(0)

    connection.receive(data(1, bytes(MAX_FRAME_SIZE)) * 512)

    assert joined(connection.take(0)) == window_update(0, RECEIVE_WINDOW // 2)


def test_a_stream_that_is_held_gets_no_more_window_until_it_is_let_go() -> None:
    connection = server(1)
    connection.hold(1, held=True)
    for _ in range(RECEIVE_WINDOW // MAX_FRAME_SIZE):
        connection.receive(data(1, bytes(MAX_FRAME_SIZE)))
    granted = {stream_id for _, _, stream_id, _ in frames(joined(connection.take(0)))}

    connection.hold(1, held=False)

    assert granted == {0}  # the connection's own window, so that the other streams go on
    assert joined(connection.take(0)) == window_update(1, RECEIVE_WINDOW)


def test_small_frames_of_one_stream_become_one_event() -> None:
    connection = client(2)
    wire = data(1, b"a") + data(1, b"b") + data(3, b"c") + data(1, b"d") + data(1, b"e", Flag.END_STREAM)

    events = connection.receive(wire)

    assert [(event.stream_id, bytes(event.data), event.ended) for event in events if is_data(event)] == [
        (1, b"ab", False),
        (3, b"c", False),
        (1, b"d", False),
        (1, b"e", True),
    ]


def is_data(event: Event) -> TypeGuard[DataReceived]:
    return isinstance(event, DataReceived)
