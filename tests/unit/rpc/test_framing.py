from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.rpc.events import ErrorCode, Http2Error
from router.rpc.frames import MAX_FRAME_SIZE, PREFACE, FrameType, frame
from router.rpc.frames import settings as settings_frame
from router.rpc.framing import FrameReader

FRAMES = st.lists(
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**31 - 1), st.binary(max_size=200))
)


@settings(deadline=None)
@given(FRAMES, st.data(), st.sampled_from([b"", PREFACE]))
def test_any_split_gives_the_same_frames(
    frames: list[tuple[int, int, int, bytes]], data: st.DataObject, preface: bytes
) -> None:
    wire = preface + settings_frame({}) + b"".join(frame(*each) for each in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=20)))
    reader = FrameReader(preface)

    found = [
        (kind, flags, stream_id, bytes(payload))
        for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)
        for kind, flags, stream_id, payload in reader.feed(wire[start:end])
    ]

    assert found == [(FrameType.SETTINGS, 0, 0, b""), *frames]


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "is not a BuildKit daemon (it answered in HTTP/1)"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "requires TLS"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", '(it answered with "SSH-2.0-OpenSSH_9.2p1\\r\\n")'),
        (b"\0\0\0\0\0\0\0\0\0", r'(it answered with "\x00\x00\x00\x00\x00\x00\x00\x00\x00")'),
        (b"\1\2\3\4\5\6\7\x08\x09", r'(it answered with "\x01\x02\x03\x04\x05\x06\x07\x08\t")'),
    ],
)
def test_what_is_no_http2_is_called_by_its_name(said: bytes, understood: str) -> None:
    with pytest.raises(Http2Error, match=re.escape(understood)) as caught:
        list(FrameReader(b"").feed(said))

    assert caught.value.hint


def test_another_preface_is_refused_at_its_first_wrong_byte() -> None:
    reader = FrameReader(PREFACE)

    with pytest.raises(Http2Error, match=r"answered with .PRI \* HTTP/1"):
        list(reader.feed(b"PRI * HTTP/1"))


@pytest.mark.parametrize("cut", [9, 1])
def test_a_frame_larger_than_allowed_is_refused_by_its_header(cut: int) -> None:
    reader = FrameReader(b"")
    wire = settings_frame({}) + frame(FrameType.DATA, 0, 1, b"x" * (MAX_FRAME_SIZE + 1))[:9]

    with pytest.raises(Http2Error, match="16385 bytes") as refused:
        [list(reader.feed(wire[start : start + cut])) for start in range(0, len(wire), cut)]

    assert refused.value.code == ErrorCode.FRAME_SIZE_ERROR
