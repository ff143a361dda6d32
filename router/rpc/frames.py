"""HTTP/2 frames as bytes: the numbers of RFC 9113, section 6, and packing. No state."""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct

__all__ = [
    "DEFAULT_WINDOW",
    "FRAME_HEADER",
    "MAX_FRAME_SIZE",
    "MAX_WINDOW",
    "PREFACE",
    "Flag",
    "FrameType",
    "Setting",
    "frame",
    "goaway",
    "rst_stream",
    "settings",
    "window_update",
]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DEFAULT_WINDOW = 65_535
MAX_WINDOW = 2**31 - 1
MAX_FRAME_SIZE = 16_384

# length (24 bits, as 8 + 16), type, flags, stream id
FRAME_HEADER = Struct(">BHBBI")
_SETTING = Struct(">HI")


class FrameType:
    """Section 6. Plain integers: an IntEnum costs a lookup per frame on the hot path."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Flag:
    """Flags of the frame types above."""

    ACK = 0x1
    END_STREAM = 0x1
    END_HEADERS = 0x4
    PADDED = 0x8
    PRIORITY = 0x20


class Setting:
    """Section 6.5.2."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """Return one whole frame."""
    size = len(payload)
    return FRAME_HEADER.pack(size >> 16, size & 0xFFFF, kind, flags, stream_id) + payload


def settings(values: Mapping[int, int]) -> bytes:
    """Return a SETTINGS frame with these values."""
    return frame(FrameType.SETTINGS, 0, 0, b"".join(_SETTING.pack(*item) for item in values.items()))


def window_update(stream_id: int, increment: int) -> bytes:
    """Return a WINDOW_UPDATE frame; stream 0 is the whole connection."""
    return frame(FrameType.WINDOW_UPDATE, 0, stream_id, increment.to_bytes(4, "big"))


def rst_stream(stream_id: int, code: int) -> bytes:
    """Return a RST_STREAM frame with an error code of section 7."""
    return frame(FrameType.RST_STREAM, 0, stream_id, code.to_bytes(4, "big"))


def goaway(last_stream_id: int, code: int) -> bytes:
    """Return a GOAWAY frame."""
    return frame(FrameType.GOAWAY, 0, 0, last_stream_id.to_bytes(4, "big") + code.to_bytes(4, "big"))
