"""Cuts what a peer sends into frames, wherever the network cut it, and tells at once what is no HTTP/2."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from router.net.stream import Buffer
from router.notation.quoting import quoted
from router.rpc.events import ErrorCode, Http2Error, StrangerError
from router.rpc.frames import FRAME_HEADER, MAX_FRAME_SIZE, MAX_WINDOW, FrameType

__all__ = ["FrameReader"]

# Type, flags, stream and payload.
Frame = tuple[int, int, int, memoryview]

_HEADER_SIZE = FRAME_HEADER.size
# The first frame is SETTINGS (section 3.4), which its first four bytes tell: the size, and the type.
_RECOGNISED = 4
_SETTING_SIZE = 6


class FrameReader:
    """``expected`` is the preface that the peer begins with, empty for a server."""

    def __init__(self, expected: bytes) -> None:
        self.opened = False
        self._expected = expected
        self._opening = bytearray()
        self._partial = bytearray()

    def feed(self, data: Buffer) -> Iterator[Frame]:
        """Yield each frame that is whole now; its payload is a view of ``data`` or of a copy of our own.

        Raises ``Http2Error`` for what is no HTTP/2, and for a frame that is larger than we allow.
        """
        view = memoryview(data)
        if not self.opened:
            self._opening += view
            if not self._open(self._opening):
                return
            self.opened = True
            view = memoryview(self._opening)[len(self._expected) :]
        if self._partial:
            partial = self._partial
            while missing := _missing(partial):
                if not view:
                    return
                partial += view[:missing]
                view = view[missing:]
            self._partial = bytearray()
            yield from _frames(memoryview(partial))
        rest = yield from _frames(view)
        if rest < len(view):
            self._partial += view[rest:]

    def _open(self, opening: bytearray) -> bool:
        """Say whether what the peer began with is complete, and HTTP/2."""
        preface = len(self._expected)
        if not self._expected.startswith(opening[:preface]):
            raise _not_http2(opening)
        if len(opening) < preface + _RECOGNISED:
            return False
        size, kind = int.from_bytes(opening[preface : preface + 3], "big"), opening[preface + 3]
        if kind != FrameType.SETTINGS or size % _SETTING_SIZE or size > MAX_FRAME_SIZE:
            raise _not_http2(opening[preface:])
        return True


def _frames(view: memoryview) -> Generator[Frame, None, int]:
    """Yield the frames that are whole; return where the rest begins."""
    position, end = 0, len(view)
    while end - position >= _HEADER_SIZE:
        high, low, kind, flags, stream_id = FRAME_HEADER.unpack_from(view, position)
        start = position + _HEADER_SIZE
        after = start + _size(high, low)
        if after > end:
            break
        yield kind, flags, stream_id & MAX_WINDOW, view[start:after]
        position = after
    return position


def _missing(partial: bytearray) -> int:
    """Return how many bytes a frame lacks, or its header where that isn't whole."""
    have = len(partial)
    if have < _HEADER_SIZE:
        return _HEADER_SIZE - have
    high, low, *_ = FRAME_HEADER.unpack_from(partial)
    return _HEADER_SIZE + _size(high, low) - have


def _size(high: int, low: int) -> int:
    size = high << 16 | low
    if size > MAX_FRAME_SIZE:
        raise Http2Error(
            f"the peer sent a frame of {size} bytes, more than the {MAX_FRAME_SIZE} allowed",
            code=ErrorCode.FRAME_SIZE_ERROR,
        )
    return size


def _not_http2(opening: bytearray) -> StrangerError:
    start = bytes(opening[:40])
    if start[:1] in {b"\x15", b"\x16"}:
        return StrangerError(
            "requires TLS", hint="pass --tls-ca, and --tls-cert with --tls-key if it asks for them"
        )
    what = "in HTTP/1" if start.startswith(b"HTTP") else f"with {quoted(start.decode('latin-1'))}"
    return StrangerError(
        f"is not a BuildKit daemon (it answered {what})", hint="is this the address of a buildkitd?"
    )
