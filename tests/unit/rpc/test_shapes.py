from __future__ import annotations

import pytest

from router.rpc.events import ErrorCode, Http2Error
from router.rpc.frames import Flag, FrameType
from router.rpc.shapes import check_shape


@pytest.mark.parametrize(
    ("kind", "flags", "stream_id", "size"),
    [
        (FrameType.HEADERS, 0, 1, 77),
        (FrameType.PRIORITY, 0, 1, 5),
        (FrameType.SETTINGS, 0, 0, 12),
        (FrameType.SETTINGS, Flag.ACK, 0, 0),
        (FrameType.GOAWAY, 0, 0, 30),
        (FrameType.WINDOW_UPDATE, 0, 0, 4),
        (FrameType.WINDOW_UPDATE, 0, 3, 4),
        (0x77, 0xFF, 5, 3),
    ],
)
def test_a_frame_that_may_stand_there_passes(kind: int, flags: int, stream_id: int, size: int) -> None:
    check_shape(kind, flags, stream_id, size)


@pytest.mark.parametrize(
    ("kind", "stream_id"),
    [
        (FrameType.HEADERS, 0),
        (FrameType.PRIORITY, 0),
        (FrameType.RST_STREAM, 0),
        (FrameType.CONTINUATION, 0),
        (FrameType.SETTINGS, 1),
        (FrameType.PING, 1),
        (FrameType.GOAWAY, 1),
    ],
)
def test_a_frame_on_a_wrong_stream_is_an_error(kind: int, stream_id: int) -> None:
    with pytest.raises(Http2Error, match=f"on stream {stream_id}") as caught:
        check_shape(kind, 0, stream_id, 8)

    assert caught.value.code == ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("kind", "flags", "stream_id", "size"),
    [
        (FrameType.PRIORITY, 0, 1, 4),
        (FrameType.RST_STREAM, 0, 1, 5),
        (FrameType.SETTINGS, 0, 0, 7),
        (FrameType.SETTINGS, Flag.ACK, 0, 6),
        (FrameType.PING, 0, 0, 9),
        (FrameType.GOAWAY, 0, 0, 7),
        (FrameType.WINDOW_UPDATE, 0, 1, 3),
    ],
)
def test_a_frame_of_a_wrong_size_is_an_error(kind: int, flags: int, stream_id: int, size: int) -> None:
    with pytest.raises(Http2Error, match=f"of {size} bytes") as caught:
        check_shape(kind, flags, stream_id, size)

    assert caught.value.code == ErrorCode.FRAME_SIZE_ERROR
