from __future__ import annotations

from collections import deque

import pytest
from hpack import Decoder, Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from router.rpc.events import Headers, Http2Error
from router.rpc.frames import FRAME_HEADER, MAX_FRAME_SIZE, Flag, FrameType
from router.rpc.headers import MAX_HEADER_BLOCK, HeaderReader, header_frames

FIELDS = st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), max_size=12)


def read(reader: HeaderReader, block: bytes) -> Headers:
    """Hand a block over in one frame, whatever its size."""
    reader.begin(1, Flag.END_HEADERS, block)
    return reader.end()


def block_of(headers: Headers) -> bytes:
    """What the frames for these headers carry."""
    return b"".join(bytes(frame)[FRAME_HEADER.size :] for frame in header_frames(1, headers, end=False))


@given(FIELDS)
def test_hpack_reads_what_we_pack(headers: list[tuple[bytes, bytes]]) -> None:
    read_back = [tuple(field) for field in Decoder().decode(block_of(headers), raw=True)]

    assert read_back == headers


@settings(deadline=None)
@given(st.lists(FIELDS, max_size=4), st.lists(st.integers(0, 4096), min_size=4, max_size=4), st.booleans())
def test_we_read_what_hpack_packs(
    blocks: list[list[tuple[bytes, bytes]]], sizes: list[int], huffman: bool
) -> None:
    encoder, reader = Encoder(), HeaderReader()

    for headers, size in zip(blocks, sizes, strict=False):
        encoder.header_table_size = size
        assert read(reader, encoder.encode(headers, huffman=huffman)) == headers


@settings(deadline=None, max_examples=100)
@given(st.one_of(st.binary(max_size=60), FIELDS.map(lambda headers: Encoder().encode(headers)[:-1])))
def test_a_block_that_is_no_headers_is_an_http2_error_or_headers(block: bytes) -> None:
    try:
        headers = read(HeaderReader(), block)
    except Http2Error:
        return
    assert all(isinstance(name, bytes) and isinstance(value, bytes) for name, value in headers)


@pytest.mark.parametrize("count", [1, MAX_FRAME_SIZE, 3 * MAX_FRAME_SIZE])
def test_only_the_last_frame_ends_the_headers(count: int) -> None:
    frames = [FRAME_HEADER.unpack_from(frame) for frame in header_frames(7, [(b"x", b"y" * count)], end=True)]

    kinds = [kind for _, _, kind, _, _ in frames]
    flags = [flag for _, _, _, flag, _ in frames]
    assert kinds == [FrameType.HEADERS, *[FrameType.CONTINUATION] * (len(frames) - 1)]
    assert [bool(flag & Flag.END_HEADERS) for flag in flags] == [*[False] * (len(frames) - 1), True]
    assert [bool(flag & Flag.END_STREAM) for flag in flags] == [True, *[False] * (len(frames) - 1)]
    assert all((high << 16 | low) <= MAX_FRAME_SIZE for high, low, *_ in frames)


def test_a_block_of_exactly_one_frame_needs_no_continuation() -> None:
    overhead = len(block_of([(b"x", b"y" * 10_000)])) - 10_000

    frames = header_frames(1, [(b"x", b"y" * (MAX_FRAME_SIZE - overhead))], end=False)

    assert [len(frame) for frame in frames] == [FRAME_HEADER.size + MAX_FRAME_SIZE]


def test_headers_that_unpack_to_more_than_allowed_are_refused() -> None:
    # One field of 4,000 bytes goes into the table; every further byte of the block stands for all of it.
    bomb = Encoder().encode([(b"x", b"y" * 4000)]) + b"\xbe" * 100_000

    with pytest.raises(Http2Error, match="headers of more than"):
        read(HeaderReader(), bomb)


def test_a_block_of_many_fields_and_a_large_one_takes_no_time() -> None:
    # 12,000 empty fields before one of nearly a megabyte: half a minute, did each cost a copy of the rest.
    size = MAX_HEADER_BLOCK - 12_000 * 2 - 100
    length = size - 0x7F
    large = b"\x01\x7f" + bytes((length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14)) + b"a" * size

    with pytest.raises(Http2Error, match="headers of more than"):
        read(HeaderReader(), b"\x01\x00" * 12_000 + large)


def test_a_block_without_an_end_is_refused() -> None:
    reader = HeaderReader()
    reader.begin(1, 0, b"\0" * MAX_FRAME_SIZE)

    with pytest.raises(Http2Error, match=f"more than {MAX_HEADER_BLOCK} bytes"):
        deque(map(reader.go_on, [b"\0" * MAX_FRAME_SIZE] * (MAX_HEADER_BLOCK // MAX_FRAME_SIZE + 1)))


def test_continuations_that_carry_nothing_come_to_an_end() -> None:
    reader = HeaderReader()
    reader.begin(1, 0, b"")

    with pytest.raises(Http2Error, match="frames"):
        deque(map(reader.go_on, [b""] * 10_000))
