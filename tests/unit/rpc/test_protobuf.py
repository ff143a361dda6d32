from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router._proto.control_pb2 import BytesMessage
from router.rpc.events import Http2Error
from router.rpc.protobuf import bytes_field, bytes_message_header


@given(st.one_of(st.binary(), st.integers(0, 40_000).map(bytes)))
def test_protobuf_reads_a_packed_bytes_message(data: bytes) -> None:
    assert BytesMessage.FromString(bytes_message_header(len(data)) + data).data == data


@given(st.one_of(st.binary(), st.integers(0, 40_000).map(bytes)))
def test_the_data_of_a_bytes_message_is_found(data: bytes) -> None:
    message = BytesMessage(data=data).SerializeToString()

    assert bytes_field(memoryview(message)) == data


@given(st.binary(max_size=12))
def test_whatever_arrives_is_data_or_an_http2_error(message: bytes) -> None:
    try:
        data = bytes_field(memoryview(message))
    except Http2Error:
        return
    assert BytesMessage.FromString(message).data == data


@pytest.mark.parametrize(
    "message",
    [
        b"\x12\x01x",
        b"\x0a\x02x",
        b"\x0a\x01xy",
        b"\x0a",
        b"\x0a\x80",
        b"\x0a\xff\xff\xff\xff\xff\xff",
        b"\x08\x01",
    ],
)
def test_another_message_is_refused(message: bytes) -> None:
    with pytest.raises(Http2Error, match="no BytesMessage"):
        bytes_field(memoryview(message))
