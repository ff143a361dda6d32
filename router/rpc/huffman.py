"""The Huffman code of header fields (RFC 7541, section 5.2 and appendix B), read.

The code is canonical: shorter codes come before longer ones, and symbols of one length in their order. So the
symbols by length are the whole table.
"""

from __future__ import annotations

__all__ = ["HuffmanError", "decode_huffman"]

_LONGEST = 30
_ALL_ONES = (1 << _LONGEST) - 1
_REFILL = 8
# Bits of the codes that nearly all of a header's characters have.
_SHORT = 8

_SYMBOLS = {
    5: b"012aceiost",
    6: b" %-./3456789=A_bdfghlmnpru",
    7: b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: b"&*,;XZ",
    10: b'!"()?',
    11: b"'+|",
    12: b"#>",
    13: b"\x00$@[]~",
    14: b"^}",
    15: b"<`{",
    19: bytes.fromhex("5c c3 d0"),
    20: bytes.fromhex("80 82 83 a2 b8 c2 e0 e2"),
    21: bytes.fromhex("99 a1 a7 ac b0 b1 b3 d1 d8 d9 e3 e5 e6"),
    22: bytes.fromhex("81 84 85 86 88 92 9a 9c a0 a3 a4 a9 aa ad b2 b5 b9 ba bb bd be c4 c6 e4 e8 e9"),
    23: bytes.fromhex(
        "01 87 89 8a 8b 8c 8d 8f 93 95 96 97 98 9b 9d 9e a5 a6 a8 ae af b4 b6 b7 bc bf c5 e7 ef"
    ),
    24: bytes.fromhex("09 8e 90 91 94 9f ab ce d7 e1 ec ed"),
    25: bytes.fromhex("c7 cf ea eb"),
    26: bytes.fromhex("c0 c1 c8 c9 ca cd d2 d5 da db ee f0 f2 f3 ff"),
    27: bytes.fromhex("cb cc d3 d4 d6 dd de df f1 f4 f5 f6 f7 f8 fa fb fc fd fe"),
    28: bytes.fromhex(
        "02 03 04 05 06 07 08 0b 0c 0e 0f 10 11 12 13 14 15 17 18 19 1a 1b 1c 1d 1e 1f 7f dc f9"
    ),
    # The fourth code of this length, all ones, ends a text and stands in none.
    30: b"\n\r\x16",
}

_Row = tuple[int, int, int, bytes]
"""Of the codes of one length, as the upper bits of a number of the longest one: the number behind the last
one, the first one; then their length, and what they stand for."""


class HuffmanError(Exception):
    """A text that no encoder writes."""


def _rows() -> tuple[_Row, ...]:
    rows = []
    first = 0
    for length, symbols in _SYMBOLS.items():
        behind = first + (len(symbols) << _LONGEST - length)
        rows.append((behind, first, length, symbols))
        first = behind
    return tuple(rows)


def _short_codes() -> tuple[tuple[int, int] | None, ...]:
    """Return by the next eight bits the code that they begin with, its length and symbol, if it is short."""
    found: list[tuple[int, int] | None] = [None] * 256
    for _, first, length, symbols in _ROWS:
        if length <= _SHORT:
            start = first >> _LONGEST - _SHORT
            for index, symbol in enumerate(symbols):
                step = 1 << _SHORT - length
                found[start + index * step : start + (index + 1) * step] = [(length, symbol)] * step
    return tuple(found)


_ROWS = _rows()
_SHORT_CODES = _short_codes()
_END = (0, 0, _LONGEST, b"")


def _row(window: int) -> _Row:
    """Return the row of the code that a number begins with."""
    for row in _ROWS:
        if window < row[0]:
            return row
    return _END


def decode_huffman(data: bytes) -> bytes:
    """Return the text. Raises HuffmanError where it ends with anything but less than 8 ones."""
    text = bytearray()
    bits = count = position = 0
    while True:
        if count < _LONGEST and position < len(data):
            more = data[position : position + _REFILL]
            position += _REFILL
            bits = bits << 8 * len(more) | int.from_bytes(more, "big")
            count += 8 * len(more)
        if count >= _SHORT and (short := _SHORT_CODES[bits >> count - _SHORT]) is not None:
            text.append(short[1])
            count -= short[0]
            bits &= (1 << count) - 1
            continue
        missing = max(_LONGEST - count, 0)
        # Ones behind the end: together with the padding they begin the code that stands in no text.
        window = (bits << missing | (1 << missing) - 1) >> max(count - _LONGEST, 0)
        _, first, length, symbols = _row(window)
        if length > count:
            if count < 8 and window == _ALL_ONES:
                return bytes(text)
            raise HuffmanError("it ends inside of a symbol")
        if not symbols:
            raise HuffmanError("it has a symbol that stands in no text")
        text.append(symbols[window - first >> _LONGEST - length])
        count -= length
        bits &= (1 << count) - 1
