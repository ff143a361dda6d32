"""Header blocks, against the ``hpack`` package and RFC 7541's own rules."""

from __future__ import annotations

import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable as Oracle
from hypothesis import given
from hypothesis import strategies as st

from router.rpc.hpack import HeaderTable, HpackError
from router.rpc.huffman import HuffmanError, decode_huffman

ENCODER = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def test_every_index_of_the_static_table_is_the_rfcs() -> None:
    fields = list(HeaderTable().read(bytes(0x80 | index for index in range(1, 62))))

    assert fields == [(bytes(name), bytes(value)) for name, value in Oracle.STATIC_TABLE]


@given(st.binary(max_size=400))
def test_what_is_coded_is_read(text: bytes) -> None:
    assert decode_huffman(ENCODER.encode(text)) == text


def test_every_symbol_is_read_at_every_place_of_a_byte() -> None:
    for shift in range(8):
        text = b"0" * shift + bytes(range(256))
        assert decode_huffman(ENCODER.encode(text)) == text


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff", id="padding of eight ones"),
        pytest.param(b"\x07\xff", id="padding of more than seven ones"),
        pytest.param(b"\x00", id="padding of zeros"),
        pytest.param(b"\xff\xff\xff\xff", id="the symbol that ends a text"),
        pytest.param(b"\xff\xff\xff\xfc\x07", id="the symbol that ends a text, then another"),
        pytest.param(b"\xfe", id="the beginning of a longer symbol"),
    ],
)
def test_what_no_encoder_writes_is_refused(data: bytes) -> None:
    with pytest.raises(HuffmanError):
        decode_huffman(data)


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"\x80", "no field has the index 0"),
        (b"\xbe", "no field has the index 62"),
        (b"\xff\xff\xff\xff\xff\xff\x0f", "does not end"),
        (b"\x82\x20", "behind a field"),
        (b"\x3f\xe2\x1f", "4097 bytes"),
        (b"\x00\x01x", "ends inside of a field"),
        (b"\x00\x05x", "ends inside of a field"),
        (b"\x00\x01x\x81\x00", "coded wrongly"),
        (b"\xff", "does not end"),
    ],
)
def test_a_block_that_no_encoder_writes_is_refused(block: bytes, why: str) -> None:
    with pytest.raises(HpackError, match=why):
        list(HeaderTable().read(block))


def test_an_entry_larger_than_the_table_empties_it() -> None:
    table = HeaderTable()
    small, large = b"\x40\x01x\x01y", b"\x40\x01x\x7f\x81\x1f" + b"z" * 4096

    assert list(table.read(small + b"\xbe")) == [(b"x", b"y"), (b"x", b"y")]
    assert list(table.read(large)) == [(b"x", b"z" * 4096)]
    with pytest.raises(HpackError, match="index 62"):
        list(table.read(b"\xbe"))


def test_a_smaller_table_forgets_what_has_no_room() -> None:
    table = HeaderTable()

    assert list(table.read(b"\x40\x01x\x01y" + b"\x40\x01v\x01w" + b"\xbf")) == [
        (b"x", b"y"),
        (b"v", b"w"),
        (b"x", b"y"),
    ]
    assert list(table.read(b"\x3f\x03" + b"\xbe")) == [(b"v", b"w")]
    with pytest.raises(HpackError, match="index 63"):
        list(table.read(b"\xbf"))
