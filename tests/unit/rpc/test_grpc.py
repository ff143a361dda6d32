from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router._proto.status_pb2 import Status as StatusMessage
from router.rpc.events import Http2Error
from router.rpc.grpc import MAX_MESSAGE, MessageReader, Status, metadata, prefix, status_error, status_headers


def trailers(**values: str) -> dict[str, list[str]]:
    """Trailers by name, with dashes for underscores."""
    return {name.replace("_", "-"): [value] for name, value in values.items()}


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=8), st.data())
def test_any_split_gives_the_same_messages(messages: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(prefix(len(message)) + message for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=20)))
    reader = MessageReader()

    found = [
        bytes(message)
        for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)
        for message in reader.feed(memoryview(wire[start:end]))
    ]

    assert found == messages
    assert not reader.incomplete


@given(st.binary(max_size=50), st.integers(1, 54))
def test_a_message_without_its_end_is_incomplete(message: bytes, cut: int) -> None:
    wire = prefix(len(message)) + message
    reader = MessageReader()

    found = list(reader.feed(memoryview(wire[: max(len(wire) - cut, 1)])))

    assert found == []
    assert reader.incomplete


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=30), max_size=20))
def test_whatever_arrives_is_messages_or_an_http2_error(chunks: list[bytes]) -> None:
    reader = MessageReader()

    try:
        for chunk in chunks:
            for message in reader.feed(memoryview(chunk)):
                assert isinstance(bytes(message), bytes)
    except Http2Error:
        pass


@pytest.mark.parametrize("cut", [1, 5])
def test_a_message_that_claims_to_be_too_large_is_refused_before_it_arrives(cut: int) -> None:
    reader = MessageReader()
    wire = prefix(MAX_MESSAGE + 1)

    with pytest.raises(Http2Error, match="more than the 16777216 allowed"):
        [list(reader.feed(memoryview(wire[start : start + cut]))) for start in range(0, len(wire), cut)]


def test_a_message_of_the_largest_size_is_read() -> None:
    message = bytes(MAX_MESSAGE)

    (found,) = MessageReader().feed(memoryview(prefix(len(message)) + message))

    assert found == message


def test_a_limit_of_its_own_holds() -> None:
    with pytest.raises(Http2Error, match="a message of 11 bytes, more than the 10"):
        list(MessageReader(limit=10).feed(memoryview(prefix(11))))


def test_a_compressed_message_is_refused() -> None:
    with pytest.raises(Http2Error, match="compressed"):
        list(MessageReader().feed(memoryview(b"\1\0\0\0\0")))


def test_values_of_one_name_keep_their_order() -> None:
    assert metadata([(b"a", b"1"), (b"b", b"2"), (b"a", "ü".encode())]) == {"a": ["1", "ü"], "b": ["2"]}


@given(st.integers(1, 16), st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_status_is_read_as_it_was_packed(code: int, message: str) -> None:
    error = status_error(metadata(status_headers(code, message)), "/service/Method")

    assert error is not None
    assert (error.code, str(error)) == (code, message)


@given(st.text())
def test_a_packed_message_is_plain_ascii(message: str) -> None:
    for _, value in status_headers(Status.UNKNOWN, message):
        assert all(0x20 <= octet <= 0x7E for octet in value)


def test_status_ok_is_no_error() -> None:
    assert status_error(trailers(grpc_status="0"), "/service/Method") is None


@pytest.mark.parametrize("status", ["", "x", "-1", "²", "٣", "9" * 5000])
def test_a_status_that_is_no_number_is_no_grpc(status: str) -> None:
    error = status_error(trailers(grpc_status=status), "/service/Method")

    assert error is not None
    assert "not gRPC" in str(error)


@pytest.mark.parametrize(
    ("status", "code"), [("404", Status.UNIMPLEMENTED), ("500", Status.UNKNOWN), ("502", Status.UNAVAILABLE)]
)
def test_an_answer_without_a_status_tells_that_of_http(status: str, code: int) -> None:
    error = status_error({":status": [status]}, "/service/Method")

    assert error is not None
    assert error.code == code
    assert f"HTTP status {status}" in str(error)
    assert error.hint


def test_unavailable_is_temporary() -> None:
    error = status_error(trailers(grpc_status="14", grpc_message="try again"), "/service/Method")

    assert error is not None
    assert error.temporary


def test_details_are_read() -> None:
    from base64 import b64encode

    packed = StatusMessage(code=5, message="x")
    packed.details.add(type_url="type.googleapis.com/some.Type", value=b"\x01\x02")
    text = b64encode(packed.SerializeToString()).decode().rstrip("=")

    error = status_error(trailers(grpc_status="5", grpc_status_details_bin=text), "/service/Method")

    assert error is not None
    assert error.details == (("type.googleapis.com/some.Type", b"\x01\x02"),)


@pytest.mark.parametrize("text", ["%%%", "ü", "AAA", "////", ""])
def test_details_that_make_no_sense_are_left_out(text: str) -> None:
    error = status_error(trailers(grpc_status="5", grpc_status_details_bin=text), "/service/Method")

    assert error is not None
    assert error.details == ()
