"""StatusResponse -> events. Pure."""

from __future__ import annotations

from collections.abc import Iterable

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

__all__ = ["solve_status", "source_ranges"]


def solve_status(response: pb.StatusResponse) -> SolveStatus:
    """Return one message of the Status stream as values."""
    return SolveStatus(
        vertexes=tuple(_vertex(vertex) for vertex in response.vertexes),
        statuses=tuple(_status(status) for status in response.statuses),
        logs=tuple(
            VertexLog(
                vertex=log.vertex, data=log.msg, stream=log.stream, timestamp=_nanoseconds(log.timestamp)
            )
            for log in response.logs
        ),
        warnings=tuple(_warning(warning) for warning in response.warnings),
    )


def source_ranges(ranges: Iterable[ops_pb2.Range]) -> tuple[SourceRange, ...]:
    """Return the ranges of a source file as values."""
    return tuple(
        SourceRange(
            start_line=item.start.line,
            end_line=item.end.line,
            start_character=item.start.character,
            end_character=item.end.character,
        )
        for item in ranges
    )


def _vertex(vertex: pb.Vertex) -> Vertex:
    group = vertex.progressGroup
    return Vertex(
        digest=vertex.digest,
        name=vertex.name,
        inputs=tuple(vertex.inputs),
        cached=vertex.cached,
        started=_nanoseconds(vertex.started) if vertex.HasField("started") else None,
        completed=_nanoseconds(vertex.completed) if vertex.HasField("completed") else None,
        error=vertex.error,
        progress_group=ProgressGroup(id=group.id, name=group.name, weak=group.weak)
        if vertex.HasField("progressGroup")
        else None,
    )


def _status(status: pb.VertexStatus) -> VertexStatus:
    return VertexStatus(
        id=status.ID,
        vertex=status.vertex,
        name=status.name,
        current=status.current,
        total=status.total,
        timestamp=_nanoseconds(status.timestamp) if status.HasField("timestamp") else None,
        started=_nanoseconds(status.started) if status.HasField("started") else None,
        completed=_nanoseconds(status.completed) if status.HasField("completed") else None,
    )


def _warning(warning: pb.VertexWarning) -> VertexWarning:
    return VertexWarning(
        vertex=warning.vertex,
        level=warning.level,
        short=warning.short,
        detail=tuple(warning.detail),
        url=warning.url,
        source_filename=warning.info.filename,
        source_data=warning.info.data,
        ranges=source_ranges(warning.ranges),
    )


def _nanoseconds(timestamp: Timestamp) -> int:
    return timestamp.seconds * 1_000_000_000 + timestamp.nanos
