"""Header blocks (RFC 7541; RFC 9113, section 4.3): ours packed, the peer's gathered, bounded and unpacked.

Ours are plain literals. A call has a dozen headers, and without a dynamic table there is no state that the
peer's settings could bring out of step.
"""

from __future__ import annotations

from router.net.stream import Buffer
from router.notation.varint import varint
from router.rpc.events import ErrorCode, Headers, Http2Error
from router.rpc.frames import MAX_FRAME_SIZE, Flag, FrameType, frame
from router.rpc.hpack import HeaderTable, HpackError

__all__ = ["MAX_HEADER_BLOCK", "HeaderReader", "header_frames"]

# Of the block and of what it unpacks to. A call of BuildKit's has some hundred bytes; the patterns of a large
# .dockerignore make it larger. Go's servers, and so buildctl's session, take as much.
MAX_HEADER_BLOCK = 1024 * 1024
# A block of that size in frames a sixteenth full; a flood of empty ones ends here.
_MAX_CONTINUATIONS = 1024

# Section 6.3: our dynamic table holds nothing. Said in every block, so that nothing needs remembering.
_NO_TABLE = b"\x20"
# Section 6.2.2: a literal field with a literal name, not to be indexed.
_LITERAL = b"\x00"
# RFC 9113, section 6.5.2: what a field counts beside its name and value.
_FIELD_OVERHEAD = 32


def header_frames(stream_id: int, headers: Headers, *, end: bool) -> list[Buffer]:
    """Return HEADERS, and CONTINUATION where one frame is too small; ``end`` closes our side."""
    block = _pack(headers)
    flags = Flag.END_STREAM if end else 0
    if len(block) <= MAX_FRAME_SIZE:
        return [frame(FrameType.HEADERS, flags | Flag.END_HEADERS, stream_id, block)]
    frames: list[Buffer] = [frame(FrameType.HEADERS, flags, stream_id, block[:MAX_FRAME_SIZE])]
    for start in range(MAX_FRAME_SIZE, len(block), MAX_FRAME_SIZE):
        piece = block[start : start + MAX_FRAME_SIZE]
        last = Flag.END_HEADERS if start + MAX_FRAME_SIZE >= len(block) else 0
        frames.append(frame(FrameType.CONTINUATION, last, stream_id, piece))
    return frames


def _pack(headers: Headers) -> bytes:
    block = [_NO_TABLE]
    for name, value in headers:
        block += (_LITERAL, _length(name), name, _length(value), value)
    return b"".join(block)


def _length(text: bytes) -> bytes:
    """Section 5.1, with a prefix of seven bits; the eighth says that there is no Huffman code."""
    size = len(text)
    return bytes((size,)) if size < 0x7F else b"\x7f" + varint(size - 0x7F)


class HeaderReader:
    """Gathers the frames of one header block after the other. ``stream_id`` is 0 where none is under way."""

    def __init__(self) -> None:
        self.stream_id = 0
        self.ends_stream = False
        self._table = HeaderTable()
        self._block = bytearray()
        self._continuations = 0

    def expect(self, kind: int, stream_id: int) -> None:
        """Raise ``Http2Error`` for a frame that may not stand between those of a block (section 4.3)."""
        if self.stream_id and (kind != FrameType.CONTINUATION or stream_id != self.stream_id):
            raise Http2Error("the peer interrupted a header block")

    def begin(self, stream_id: int, flags: int, fragment: Buffer) -> None:
        """Take the fragment of a HEADERS frame."""
        self.stream_id = stream_id
        self.ends_stream = bool(flags & Flag.END_STREAM)
        self._block = bytearray(fragment)
        self._continuations = 0

    def go_on(self, fragment: Buffer) -> None:
        """Take the fragment of a CONTINUATION frame."""
        self._block += fragment
        self._continuations += 1
        if len(self._block) > MAX_HEADER_BLOCK:
            raise Http2Error(f"the peer sent a header block of more than {MAX_HEADER_BLOCK} bytes")
        if self._continuations > _MAX_CONTINUATIONS:
            raise Http2Error(f"the peer sent a header block of more than {_MAX_CONTINUATIONS} frames")

    def end(self) -> Headers:
        """The block is whole: unpack it, also where nobody wants it, because it changes the table."""
        self.stream_id = 0
        block, self._block = bytes(self._block), bytearray()
        headers: list[tuple[bytes, bytes]] = []
        size = 0
        try:
            for name, value in self._table.read(block):
                headers.append((name, value))
                size += len(name) + len(value) + _FIELD_OVERHEAD
                if size > MAX_HEADER_BLOCK:
                    raise Http2Error(f"the peer sent headers of more than {MAX_HEADER_BLOCK} bytes")
        except HpackError as exc:
            raise Http2Error(
                f"the peer sent headers that can't be decoded: {exc}", code=ErrorCode.COMPRESSION_ERROR
            ) from exc
        return headers
