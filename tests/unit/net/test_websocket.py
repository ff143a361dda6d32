"""WebSocket framing without I/O."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.net.websocket import Message, Opcode, Receiver, WebSocketError, accept_of, frame, new_key

_messages = st.lists(
    st.builds(Message, st.sampled_from([Opcode.BINARY, Opcode.TEXT]), st.binary(max_size=300))
    | st.builds(Message, st.just(Opcode.BINARY), st.integers(0, 70_000).map(bytes)),
    max_size=6,
)


def server_frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """Return a frame as a server sends it: without a mask."""
    head = bytes([(0x80 if final else 0) | opcode])
    size = len(payload)
    if size < 126:
        return head + bytes([size]) + payload
    if size < 65536:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


@given(_messages, st.data())
def test_any_split_of_the_bytes_gives_the_same_messages(messages: list[Message], data: st.DataObject) -> None:
    wire = b"".join(server_frame(message.opcode, message.payload) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    receiver = Receiver()
    received: list[Message] = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        receiver.feed(wire[start:end])
        received += receiver.messages()
    # One without a payload says nothing.
    assert received == [message for message in messages if message.payload]


@given(st.binary(min_size=1, max_size=400), st.data())
def test_any_fragmentation_of_a_message_gives_the_same_bytes(payload: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(payload)), max_size=12)))
    pieces = [payload[start:end] for start, end in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
    wire = bytearray()
    for number, piece in enumerate(pieces):
        opcode = Opcode.CONTINUATION if number else Opcode.BINARY
        wire += server_frame(opcode, piece, final=number == len(pieces) - 1)
        if data.draw(st.booleans()) and number < len(pieces) - 1:
            wire += server_frame(data.draw(st.sampled_from([Opcode.PING, Opcode.PONG])), b"!")

    received = read(bytes(wire))

    assert [message for message in received if message.opcode != Opcode.PING] == [
        Message(Opcode.BINARY, payload)
    ]


def read(wire: bytes) -> list[Message]:
    """Return the messages of a whole stream."""
    receiver = Receiver()
    receiver.feed(wire)
    return list(receiver.messages())


def test_fragments_are_joined_around_a_ping() -> None:
    wire = (
        server_frame(Opcode.BINARY, b"a", final=False)
        + server_frame(Opcode.PING, b"!")
        + server_frame(Opcode.CONTINUATION, b"b")
    )
    assert read(wire) == [Message(Opcode.PING, b"!"), Message(Opcode.BINARY, b"ab")]


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"\x02\x00", b"\x00\x00"),  # fragments without bytes
        (b"\x02\x00", b"\x00\x01a"),  # of one byte
        (b"", b"\x89\x00"),  # PING
        (b"", b"\x8a\x00"),  # PONG
        (b"", b"\x82\x00"),  # messages without bytes
    ],
)
def test_very_small_frames_take_time_and_memory_in_proportion(begin: bytes, again: bytes) -> None:
    receiver = Receiver()
    receiver.feed(begin)
    wire = again * (200_000 // len(again))

    begun = time.process_time()
    tracemalloc.start()
    try:
        for start in range(0, len(wire), 60_000):
            receiver.feed(wire[start : start + 60_000])
            for message in receiver.messages():
                assert message.opcode == Opcode.PING
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 2_000_000
    assert time.process_time() - begun < 20


@pytest.mark.parametrize(
    "wire",
    [
        b"\x82\x81\0\0\0\0a",  # masked, which only a client may
        b"\xc2\x01a",  # an extension's bit
        b"\x09\x01a",  # a control frame that is not final
        b"\x80\x01a",  # a continuation of nothing
        b"\x82\x7f\xff\0\0\0\0\0\0\0",  # 16 exbibytes
        b"\x89\x7e\x00\x7e" + bytes(126),  # a control frame of more than 125 bytes
    ],
)
def test_what_is_no_server_frame_is_an_error(wire: bytes) -> None:
    with pytest.raises(WebSocketError):
        read(wire)


def test_a_message_of_many_fragments_is_bounded() -> None:
    fragment = server_frame(Opcode.CONTINUATION, bytes(1 << 20), final=False)

    with pytest.raises(WebSocketError, match="a message that is too large"):
        read(server_frame(Opcode.BINARY, b"", final=False) + fragment * 17)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\x01\x82\xff\0"])
def test_a_frame_can_be_unmasked_by_its_receiver(size: int, mask: bytes) -> None:
    payload = bytes(index % 251 for index in range(size))
    wire = b"".join(frame(Opcode.BINARY, [payload[:7], payload[7:]], mask=mask))
    length = {126: 2, 127: 8}.get(wire[1] & 0x7F, 0)
    stated = int.from_bytes(wire[2 : 2 + length], "big") if length else wire[1] & 0x7F
    body = wire[2 + length + 4 :]
    assert wire[0] == 0x82
    assert wire[1] & 0x80
    assert wire[2 + length : 6 + length] == mask
    assert stated == size
    assert bytes(byte ^ mask[index % 4] for index, byte in enumerate(body)) == payload


def test_the_answer_to_a_key_is_that_of_the_standard() -> None:
    # RFC 6455, section 1.3.
    assert accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert len(new_key()) == 24
