"""Decode HTTP/1.1's chunked body (RFC 9112, section 7.1) as it arrives. Pure."""

from __future__ import annotations

import re

__all__ = ["BrokenChunkError", "ChunkedBody"]

# The limit for a line with a chunk's size and extensions; a body of 2^63 bytes has 16 digits.
_MOST_LINE = 1 << 12
_MOST_TRAILERS = 1 << 16
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}", re.ASCII)


class BrokenChunkError(ValueError):
    """The body is not chunked as announced."""

    def __init__(self, why: str = "the answer has a broken chunk") -> None:
        super().__init__(why)


class ChunkedBody:
    """Extracts a body from its chunks, and skips its trailers.

    Takes time in proportion to the bytes, however they are split, and holds at most one unfinished line.
    ``left`` is the rest of the current chunk. Once ``ended``, the body is complete, and further bytes are
    ignored.
    """

    def __init__(self) -> None:
        self.ended = False
        self.left = 0
        self._raw = bytearray()
        self._trailers: int | None = None  # bytes of trailers so far, None before the last chunk
        self._closing = False  # a chunk's content is complete, the line end after it is not

    def feed(self, data: bytes | bytearray) -> bytearray:
        """Return what ``data`` adds to the body. Raises BrokenChunkError."""
        self._raw += data
        body = bytearray()
        position = 0
        while not self.ended:
            if self.left:
                taken = self._raw[position : position + self.left]
                body += taken
                position += len(taken)
                self.left -= len(taken)
                self._closing = not self.left
                if self.left:
                    break
            end = self._raw.find(b"\r\n", position, position + self._longest())
            if end < 0:
                if len(self._raw) - position >= self._longest():
                    raise BrokenChunkError
                break
            self._line(bytes(self._raw[position:end]))
            position = end + 2
        del self._raw[:position]
        return body

    def _longest(self) -> int:
        if self._closing:
            return 2
        return _MOST_LINE if self._trailers is None else _MOST_TRAILERS

    def _line(self, line: bytes) -> None:
        """Interpret a line between the chunks."""
        if self._closing:
            self._closing = False
        elif self._trailers is not None:
            self._trailers += len(line)
            if self._trailers > _MOST_TRAILERS:
                raise BrokenChunkError("the answer's trailers are too large")
            self.ended = not line
        else:
            size = line.partition(b";")[0].strip()
            if not _SIZE.fullmatch(size):
                raise BrokenChunkError
            self.left = int(size, 16)
            if not self.left:
                self._trailers = 0
