"""A message of the Status stream as values."""

from __future__ import annotations

import contextlib

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from router._proto import control_pb2 as pb
from router._proto import ops_pb2
from router.bounds import LONGEST_ID
from router.model.events import (
    ProgressGroup,
    SolveStatus,
    SourceRange,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from router.rpc.events import Http2Error
from router.solve.events import solve_status

THEN = Timestamp(seconds=1_700_000_000, nanos=123_456_789)
NANOSECONDS = 1_700_000_000_123_456_789


def told(response: pb.StatusResponse) -> SolveStatus:
    return solve_status(memoryview(response.SerializeToString()))


def test_what_tells_things_apart_is_cut_to_a_bounded_length() -> None:
    long = "d" * 100_000
    response = pb.StatusResponse()
    vertex = response.vertexes.add(digest=long, inputs=[long])
    vertex.progressGroup.id = vertex.progressGroup.name = long
    response.statuses.add(ID="id", vertex=long, name=long)
    response.logs.add(vertex=long)
    response.warnings.add(vertex=long)

    status = told(response)

    assert "d" * (LONGEST_ID + 1) not in repr(status)
    # The same in all that speaks of it.
    assert status.vertexes[0].digest == status.statuses[0].vertex == status.logs[0].vertex


def test_an_empty_message_tells_nothing() -> None:
    assert told(pb.StatusResponse()) == SolveStatus()


@pytest.mark.parametrize(
    ("vertex", "expected"),
    [
        (pb.Vertex(digest="d", name="n"), Vertex(digest="d", name="n")),
        (
            pb.Vertex(digest="d", name="n", inputs=["a", "b"], cached=True, started=THEN, completed=THEN),
            Vertex(
                digest="d",
                name="n",
                inputs=("a", "b"),
                cached=True,
                started=NANOSECONDS,
                completed=NANOSECONDS,
            ),
        ),
        (
            pb.Vertex(digest="d", name="load http://u:p@host/x"),
            Vertex(digest="d", name="load http://u:****@host/x"),
        ),
        (
            pb.Vertex(digest="d", name="n", started=THEN, error="exit code: 1"),
            Vertex(digest="d", name="n", started=NANOSECONDS, error="exit code: 1"),
        ),
        (
            pb.Vertex(digest="d", name="n", progressGroup=ops_pb2.ProgressGroup(id="g", name="G", weak=True)),
            Vertex(digest="d", name="n", progress_group=ProgressGroup(id="g", name="G", weak=True)),
        ),
    ],
)
def test_a_vertex_is_told(vertex: pb.Vertex, expected: Vertex) -> None:
    assert told(pb.StatusResponse(vertexes=[vertex])).vertexes == (expected,)


def test_a_transfer_is_told() -> None:
    status = pb.VertexStatus(ID="i", vertex="d", name="n", current=5, total=9, timestamp=THEN, started=THEN)

    assert told(pb.StatusResponse(statuses=[status])).statuses == (
        VertexStatus(
            id="i", vertex="d", name="n", current=5, total=9, timestamp=NANOSECONDS, started=NANOSECONDS
        ),
    )


def test_output_is_told_as_bytes() -> None:
    log = pb.VertexLog(vertex="d", timestamp=THEN, stream=2, msg=b"\xff\n")

    assert told(pb.StatusResponse(logs=[log])).logs == (
        VertexLog(vertex="d", data=b"\xff\n", stream=2, timestamp=NANOSECONDS),
    )


def test_a_warning_is_told_with_its_place() -> None:
    place = ops_pb2.Range(
        start=ops_pb2.Position(line=3, character=1), end=ops_pb2.Position(line=4, character=2)
    )
    warning = pb.VertexWarning(
        vertex="d",
        level=2,
        short=b"short",
        detail=[b"one", b"two"],
        url="https://example.test",
        info=ops_pb2.SourceInfo(filename="Dockerfile", data=b"FROM scratch\n", language="Dockerfile"),
        ranges=[place],
    )

    assert told(pb.StatusResponse(warnings=[warning])).warnings == (
        VertexWarning(
            vertex="d",
            level=2,
            short=b"short",
            detail=(b"one", b"two"),
            url="https://example.test",
            source_filename="Dockerfile",
            source_language="Dockerfile",
            source_data=b"FROM scratch\n",
            ranges=(SourceRange(start_line=3, end_line=4, start_character=1, end_character=2),),
        ),
    )


def test_a_negative_size_and_fields_that_nobody_knows_are_read() -> None:
    status = pb.VertexStatus(ID="i", vertex="d", current=-1)
    unknown = b"\x98\x06\x07" + b"\xa1\x06" + bytes(8) + b"\xad\x06" + bytes(4) + b"\xa2\x06\x01x"
    message = pb.StatusResponse(statuses=[status]).SerializeToString() + unknown

    assert solve_status(memoryview(message)).statuses == (VertexStatus(id="i", vertex="d", current=-1),)


@pytest.mark.parametrize(
    "message", [b"\x0a", b"\x0a\x05ab", b"\x0a\xff", b"\x0f\x00", b"\xff" * 11, b"\x08\x01\x0a"]
)
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(Http2Error):
        solve_status(memoryview(message))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    with contextlib.suppress(Http2Error):
        solve_status(memoryview(message))
