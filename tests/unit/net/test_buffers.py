"""Gathering and cutting of buffers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.net.buffers import chunks, without

_buffers = st.lists(st.binary(max_size=40), max_size=6)


@given(_buffers, st.integers(1, 30))
def test_chunks_hold_the_same_bytes_in_full_pieces(buffers: list[bytes], size: int) -> None:
    pieces = list(chunks(buffers, size))
    assert b"".join(pieces) == b"".join(buffers)
    assert all(len(piece) == size for piece in pieces[:-1])
    assert all(0 < len(piece) <= size for piece in pieces)


@given(_buffers, st.data())
def test_what_was_taken_is_gone_and_nothing_else(buffers: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(buffers)
    taken = data.draw(st.integers(0, len(whole)))
    assert b"".join(without(buffers, taken)) == whole[taken:]
