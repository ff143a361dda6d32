"""A message of the Status stream as values."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from router._proto import control_pb2 as pb
from router._proto import ops_pb2
from router.model.events import (
    ProgressGroup,
    SolveStatus,
    SourceRange,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from router.solve.events import solve_status

THEN = Timestamp(seconds=1_700_000_000, nanos=123_456_789)
NANOSECONDS = 1_700_000_000_123_456_789


def test_an_empty_message_tells_nothing() -> None:
    assert solve_status(pb.StatusResponse()) == SolveStatus()


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
    assert solve_status(pb.StatusResponse(vertexes=[vertex])).vertexes == (expected,)


def test_a_transfer_is_told() -> None:
    status = pb.VertexStatus(ID="i", vertex="d", name="n", current=5, total=9, timestamp=THEN, started=THEN)

    assert solve_status(pb.StatusResponse(statuses=[status])).statuses == (
        VertexStatus(
            id="i", vertex="d", name="n", current=5, total=9, timestamp=NANOSECONDS, started=NANOSECONDS
        ),
    )


def test_output_is_told_as_bytes() -> None:
    log = pb.VertexLog(vertex="d", timestamp=THEN, stream=2, msg=b"\xff\n")

    assert solve_status(pb.StatusResponse(logs=[log])).logs == (
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
        info=ops_pb2.SourceInfo(filename="Dockerfile", data=b"FROM scratch\n"),
        ranges=[place],
    )

    assert solve_status(pb.StatusResponse(warnings=[warning])).warnings == (
        VertexWarning(
            vertex="d",
            level=2,
            short=b"short",
            detail=(b"one", b"two"),
            url="https://example.test",
            source_filename="Dockerfile",
            source_data=b"FROM scratch\n",
            ranges=(SourceRange(start_line=3, end_line=4, start_character=1, end_character=2),),
        ),
    )
