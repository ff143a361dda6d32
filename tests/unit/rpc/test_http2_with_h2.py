"""h2, which shares no code with ours, as the peer of our connection, in both roles."""

from __future__ import annotations

import pytest
from h2.connection import H2Connection
from h2.events import DataReceived as H2Data
from h2.events import PingAckReceived, RequestReceived, ResponseReceived, StreamEnded, TrailersReceived
from h2.events import StreamReset as H2StreamReset
from h2.settings import SettingCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from router.rpc.http2 import (
    RECEIVE_WINDOW,
    DataReceived,
    GoAwayReceived,
    HeadersReceived,
    Http2Connection,
    PingAcknowledged,
    StreamReset,
)
from tests.unit.rpc.peers import REQUEST, RESPONSE, TRAILERS, Endless, Pair, Pieces, joined, plain

ROLES = pytest.mark.parametrize("client", [True, False], ids=["as a client", "as a server"])
# h2 says each of these bytes in 26 bits.
LARGE_HEADERS = [(b"include-patterns", b"\xff" * 6_000), (b"exclude-patterns", b"\xfe" * 6_000)]
TEXT = b"".join(b"%06d" % number for number in range(15_000))


def test_a_request_arrives_as_it_was_sent() -> None:
    pair = Pair(client=True)

    stream_id = pair.request()
    pair.ours.send(stream_id, b"question")
    pair.ours.finish(stream_id)
    pair.pump()

    (request,) = pair.h2_heard_of(RequestReceived)
    assert isinstance(request, RequestReceived)
    assert request.headers == REQUEST
    assert pair.h2_body[stream_id] == b"question"
    assert pair.h2_heard_of(StreamEnded)


def test_a_response_with_trailers_arrives_as_it_was_sent() -> None:
    pair = Pair(client=False)
    stream_id = pair.request(end=True)

    pair.ours.send_headers(stream_id, RESPONSE)
    pair.ours.send(stream_id, b"answer")
    pair.ours.finish(stream_id, TRAILERS)
    pair.pump()

    (response,) = pair.h2_heard_of(ResponseReceived)
    (trailers,) = pair.h2_heard_of(TrailersReceived)
    assert isinstance(response, ResponseReceived)
    assert isinstance(trailers, TrailersReceived)
    assert response.headers == RESPONSE
    assert trailers.headers == TRAILERS
    assert pair.h2_body[stream_id] == b"answer"


def test_a_response_of_the_peer_is_heard_as_headers_data_and_trailers() -> None:
    pair = Pair(client=True)
    stream_id = pair.request(end=True)

    pair.h2.send_headers(stream_id, RESPONSE)
    pair.h2.send_data(stream_id, b"answer")
    pair.h2.send_headers(stream_id, TRAILERS, end_stream=True)
    pair.pump()

    assert plain(pair.heard) == [
        ("HeadersReceived", stream_id, RESPONSE, False),
        ("DataReceived", stream_id, b"answer", False),
        ("HeadersReceived", stream_id, TRAILERS, True),
    ]


def test_a_request_of_the_peer_is_heard_as_headers_and_data() -> None:
    pair = Pair(client=False)

    stream_id = pair.request()
    pair.h2.send_data(stream_id, b"question", end_stream=True)
    pair.pump()

    assert plain(pair.heard) == [
        ("HeadersReceived", stream_id, REQUEST, False),
        ("DataReceived", stream_id, b"question", True),
    ]


def test_a_server_that_answers_early_ends_the_whole_stream() -> None:
    pair = Pair(client=False)
    stream_id = pair.request(end=False)

    pair.ours.send_headers(stream_id, RESPONSE)
    pair.ours.finish(stream_id, TRAILERS)
    pair.pump()

    (reset,) = pair.h2_heard_of(H2StreamReset)
    assert isinstance(reset, H2StreamReset)
    assert reset.error_code == 0
    assert pair.h2_heard_of(TrailersReceived)


@ROLES
def test_headers_that_fill_several_frames_arrive_whole(*, client: bool) -> None:
    pair = Pair(client=client, settings={SettingCodes.MAX_HEADER_LIST_SIZE: 1 << 20})

    pair.request([*REQUEST, *LARGE_HEADERS])

    if client:
        (request,) = pair.h2_heard_of(RequestReceived)
        assert isinstance(request, RequestReceived)
        assert request.headers == [*REQUEST, *LARGE_HEADERS]
    else:
        (heard,) = pair.heard
        assert isinstance(heard, HeadersReceived)
        assert heard.headers == [*REQUEST, *LARGE_HEADERS]


def test_the_peers_dynamic_table_is_followed() -> None:
    pair = Pair(client=False)
    repeated = [*REQUEST, (b"x-docker-expose-session-uuid", b"0123456789")]

    for _ in range(3):
        pair.request(repeated)

    assert [event.headers for event in pair.heard if isinstance(event, HeadersReceived)] == [repeated] * 3


@pytest.mark.parametrize("sizes", [[0], [100], [0, 4096], [50, 0, 200]])
def test_changes_of_the_peers_table_size_are_followed(sizes: list[int]) -> None:
    pair = Pair(client=False)
    repeated = [*REQUEST, (b"x-docker-expose-session-uuid", b"0123456789")]
    pair.request(repeated)

    for size in sizes:
        pair.h2.encoder.header_table_size = size
    pair.request(repeated)
    pair.request(repeated)

    assert [event.headers for event in pair.heard if isinstance(event, HeadersReceived)] == [repeated] * 3


def test_a_peer_that_takes_its_table_away_understands_us() -> None:
    pair = Pair(client=True)
    pair.request()
    pair.h2.update_settings({SettingCodes.HEADER_TABLE_SIZE: 0})
    pair.pump()

    pair.request()

    assert len(pair.h2_heard_of(RequestReceived)) == 2


@ROLES
def test_a_ping_is_answered_before_anything_else(*, client: bool) -> None:
    pair = Pair(client=client)
    stream_id = pair.request()
    pair.ours.set_source(stream_id, Endless())
    pair.ours.ping()
    pair.h2.ping(b"bandwith")
    pair.to_us()

    first = joined(pair.ours.take(1 << 20))[:17]

    assert first == b"\0\0\x08\x06\x01\0\0\0\0bandwith"


@ROLES
def test_a_ping_that_arrives_before_we_spoke_is_answered_after_our_greeting(*, client: bool) -> None:
    pair = Pair(client=client)
    pair.h2.ping(b"too soon")
    pair.to_us()

    pair.pump()

    (answer,) = pair.h2_heard_of(PingAckReceived)
    assert isinstance(answer, PingAckReceived)
    assert answer.ping_data == b"too soon"


def test_our_ping_is_acknowledged() -> None:
    pair = Pair(client=True)

    pair.ours.ping()
    pair.pump()

    assert pair.heard == [PingAcknowledged()]


def test_a_goaway_is_heard_with_its_reason() -> None:
    pair = Pair(client=True)
    pair.request()

    pair.h2.close_connection(error_code=11, additional_data=b"too_many_pings", last_stream_id=1)
    pair.to_us()

    assert pair.heard == [GoAwayReceived(1, 11, b"too_many_pings")]


@ROLES
def test_a_stream_that_the_peer_resets_is_over(*, client: bool) -> None:
    pair = Pair(client=client)
    stream_id = pair.request()
    pair.ours.set_source(stream_id, Endless())

    pair.h2.reset_stream(stream_id, error_code=8)
    pair.to_us()

    assert pair.heard[-1] == StreamReset(stream_id, 8)
    assert not any(
        isinstance(event, H2Data) for event in pair.h2.receive_data(joined(pair.ours.take(1 << 20)))
    )


def test_data_on_a_stream_that_we_reset_is_dropped() -> None:
    pair = Pair(client=True)
    stream_id = pair.request()
    pair.h2.send_headers(stream_id, RESPONSE)
    pair.h2.send_data(stream_id, b"under way")

    pair.ours.reset(stream_id)
    pair.pump()

    assert pair.heard == []
    (reset,) = pair.h2_heard_of(H2StreamReset)
    assert isinstance(reset, H2StreamReset)
    assert reset.error_code == 8


@ROLES
def test_padding_is_removed_and_counts_against_the_window(*, client: bool) -> None:
    pair = Pair(client=client)
    stream_id = pair.request()
    if client:
        pair.h2.send_headers(stream_id, RESPONSE)

    while pair.h2.outbound_flow_control_window > RECEIVE_WINDOW // 2:
        pair.h2.send_data(stream_id, b"x" * 16_000, pad_length=255)
        pair.to_us()
    pair.pump()

    assert set(pair.body[stream_id]) == {ord("x")}
    assert pair.h2.outbound_flow_control_window == RECEIVE_WINDOW


def test_priorities_are_skipped() -> None:
    pair = Pair(client=False)

    stream_id = pair.h2.get_next_available_stream_id()
    pair.h2.prioritize(stream_id, weight=7)
    pair.h2.send_headers(stream_id, REQUEST, priority_weight=15, priority_depends_on=0)
    pair.pump()

    assert pair.heard == [HeadersReceived(stream_id, REQUEST, ended=False)]


@ROLES
def test_windows_are_given_back_during_a_large_transfer_to_us(*, client: bool) -> None:
    pair = Pair(client=client)
    stream_id = pair.request()
    if client:
        pair.h2.send_headers(stream_id, RESPONSE)
    block = bytes(range(256)) * 64
    total = 40 * 1024 * 1024

    for _ in range(total // len(block)):
        if pair.h2.local_flow_control_window(stream_id) < len(block):
            pair.pump()
        pair.h2.send_data(stream_id, block)
    pair.pump()

    assert pair.body[stream_id] == block * (total // len(block))


def test_what_is_sent_arrives_through_a_window_of_one_byte() -> None:
    pair = Pair(client=True, settings={SettingCodes.INITIAL_WINDOW_SIZE: 1})
    stream_id = pair.request()

    pair.ours.send(stream_id, TEXT[:100])
    pair.ours.finish(stream_id)
    pair.pump()

    assert pair.h2_body[stream_id] == TEXT[:100]
    assert pair.h2_heard_of(StreamEnded)


@ROLES
@settings(deadline=None, max_examples=40)
@given(
    pieces=st.lists(st.integers(0, 70_000), max_size=6),
    window=st.integers(3_000, 70_000),
    frame=st.integers(16_384, 40_000),
    size=st.integers(3_000, 100_000),
)
def test_what_is_sent_arrives_whatever_the_windows(
    *, client: bool, pieces: list[int], window: int, frame: int, size: int
) -> None:
    pair = Pair(
        client=client,
        settings={SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.MAX_FRAME_SIZE: frame},
    )
    stream_id = pair.request(end=not client)
    if not client:
        pair.ours.send_headers(stream_id, RESPONSE)
    body = [TEXT[number : number + count] for number, count in enumerate(pieces)]

    pair.ours.set_source(stream_id, Pieces([piece for piece in body if piece]))
    pair.ours.finish(stream_id, TRAILERS)
    pair.pump(size=size)

    assert pair.h2_body[stream_id] == b"".join(body)
    assert pair.h2_heard_of(StreamEnded)


@settings(deadline=None, max_examples=40)
@given(windows=st.lists(st.integers(0, 20_000), max_size=6), last=st.integers(3000, 20_000))
def test_a_changed_initial_window_applies_to_open_streams(windows: list[int], last: int) -> None:
    body = TEXT[:100_000]
    credit = [0]

    def read(_connection: H2Connection, event: H2Data) -> None:
        credit[0] += event.flow_controlled_length or 0

    pair = Pair(client=True, settings={SettingCodes.INITIAL_WINDOW_SIZE: 10_000}, h2_reads=read)
    stream_id = pair.request()
    pair.ours.send(stream_id, body)
    pair.ours.finish(stream_id)

    for window in [*windows, last]:
        pair.pump()
        # h2 raises a FlowControlError for every byte too many.
        pair.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
    while credit[0]:
        pair.h2.acknowledge_received_data(credit[0], stream_id)
        credit[0] = 0
        pair.pump()
    pair.h2.increment_flow_control_window(300_000, stream_id)
    pair.h2.increment_flow_control_window(300_000)
    pair.pump()

    assert pair.h2_body[stream_id] == body


def test_a_larger_frame_size_is_used_once_the_peer_allows_it() -> None:
    pair = Pair(client=True, settings={SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
    stream_id = pair.request()
    pair.ours.set_source(stream_id, Pieces([b"a" * 50_000, b"b" * 50_000]))
    pair.to_h2(size=50_000)
    before = [len(event.data or b"") for event in pair.h2_heard if isinstance(event, H2Data)]

    pair.h2.update_settings({SettingCodes.MAX_FRAME_SIZE: 60_000})
    pair.to_us()
    pair.to_h2(size=0)
    pair.pump()

    after = [len(event.data or b"") for event in pair.h2_heard if isinstance(event, H2Data)][len(before) :]
    assert max(before) == 16_384
    assert max(after) > 16_384


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_split_of_a_conversation_gives_the_same_events(data: st.DataObject) -> None:
    wire = CONVERSATION
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=40)))
    connection = Http2Connection(client=False)

    heard = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        heard += plain(connection.receive(wire[start:end]))

    assert heard == WHOLE


def test_a_conversation_byte_by_byte_gives_the_same_events() -> None:
    connection = Http2Connection(client=False)

    heard = [event for octet in CONVERSATION for event in plain(connection.receive(bytes((octet,))))]

    assert heard == WHOLE


def _conversation() -> bytes:
    """Everything that a client says which makes an event: h2's own bytes."""
    pair = Pair(client=False)
    pair.h2.data_to_send()
    client = pair.h2
    client.initiate_connection()
    client.send_headers(1, [*REQUEST, *LARGE_HEADERS])
    client.send_data(1, b"one" * 5000)
    client.send_headers(3, REQUEST, priority_weight=9)
    client.send_data(3, b"two", pad_length=17)
    client.ping(b"12345678")
    client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 5})
    client.increment_flow_control_window(77)
    client.send_data(3, b"", end_stream=True)
    client.reset_stream(1, error_code=5)
    client.close_connection(error_code=2, additional_data=b"bye")
    return client.data_to_send()


CONVERSATION = _conversation()
WHOLE = plain(Http2Connection(client=False).receive(CONVERSATION))


def test_the_conversation_has_events_of_every_kind() -> None:
    kinds = {kind for kind, *_ in WHOLE}

    assert kinds == {kind.__name__ for kind in (HeadersReceived, DataReceived, StreamReset, GoAwayReceived)}
