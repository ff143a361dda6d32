"""What a frame's header alone tells: a wrong size, a wrong stream (RFC 9113, section 6). Pure."""

from __future__ import annotations

from router.rpc.events import ErrorCode, Http2Error
from router.rpc.frames import Flag, FrameType

__all__ = ["check_shape"]

_NAMES = {
    FrameType.HEADERS: "HEADERS",
    FrameType.PRIORITY: "PRIORITY",
    FrameType.RST_STREAM: "RST_STREAM",
    FrameType.SETTINGS: "SETTINGS",
    FrameType.PING: "PING",
    FrameType.GOAWAY: "GOAWAY",
    FrameType.WINDOW_UPDATE: "WINDOW_UPDATE",
    FrameType.CONTINUATION: "CONTINUATION",
}
_SIZES = {FrameType.PRIORITY: 5, FrameType.RST_STREAM: 4, FrameType.PING: 8, FrameType.WINDOW_UPDATE: 4}
_SETTING = 6
_LEAST_GOAWAY = 8
_OF_STREAMS = {FrameType.HEADERS, FrameType.PRIORITY, FrameType.RST_STREAM, FrameType.CONTINUATION}
_OF_THE_CONNECTION = {FrameType.SETTINGS, FrameType.PING, FrameType.GOAWAY}


def check_shape(kind: int, flags: int, stream_id: int, size: int) -> None:
    """Raise ``Http2Error`` for a frame of a wrong size, or where it may not stand. DATA is not looked at."""
    if kind not in _NAMES:
        return  # what we don't know is ignored (section 5.5)
    if (kind in _OF_STREAMS and not stream_id) or (kind in _OF_THE_CONNECTION and stream_id):
        raise Http2Error(f"the peer sent a {_NAMES[kind]} frame on stream {stream_id}")
    if not _fits(kind, flags, size):
        raise Http2Error(
            f"the peer sent a {_NAMES[kind]} frame of {size} bytes", code=ErrorCode.FRAME_SIZE_ERROR
        )


def _fits(kind: int, flags: int, size: int) -> bool:
    if kind == FrameType.SETTINGS:
        return not size if flags & Flag.ACK else not size % _SETTING
    if kind == FrameType.GOAWAY:
        return size >= _LEAST_GOAWAY
    return size == _SIZES.get(kind, size)
