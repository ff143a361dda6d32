"""Bodies in chunks, however they arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.net.chunked import BrokenChunkError, ChunkedBody

_END = b"0\r\n\r\n"


def fed(pieces: list[bytes]) -> tuple[bytes, ChunkedBody]:
    body = ChunkedBody()
    return b"".join(bytes(body.feed(piece)) for piece in pieces), body


@given(chunks=st.lists(st.binary(min_size=1, max_size=40)), data=st.data())
def test_any_split_gives_the_same_body(chunks: list[bytes], data: st.DataObject) -> None:
    wire = (
        b"".join(b"%X;a=b\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nTrailer: x\r\n\r\n"
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))

    found, body = fed([wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)])

    assert found == b"".join(chunks)
    assert body.ended


def test_a_body_has_ended_with_the_line_behind_its_trailers() -> None:
    _, body = fed([b"1\r\na\r\n0\r\nTrailer: x\r\n"])
    assert not body.ended

    assert body.feed(b"\r\nwhat follows") == b""
    assert body.ended


def test_what_a_chunk_lacks_is_known_before_it_comes() -> None:
    _, body = fed([b"ff\r\nabc"])

    assert body.left == 0xFF - 3


@pytest.mark.parametrize(
    "wire",
    [b"xyz\r\n", b"-5\r\n", b"1_0\r\n", b"\r\n", b"1\r\nabc", b"1\r\na\n0", b"1" * 5000, b"1" * 17 + b"\r\n"],
)
def test_what_is_not_in_chunks_is_refused(wire: bytes) -> None:
    with pytest.raises(BrokenChunkError, match="broken chunk"):
        fed([wire])


def test_trailers_without_end_are_refused() -> None:
    with pytest.raises(BrokenChunkError, match="trailers are too large"):
        fed([_END[:-2], *[b"a: b\r\n"] * 20_000])
