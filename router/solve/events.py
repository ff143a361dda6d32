"""StatusResponse -> events. Pure.

Reads the fields straight into the values that the displays use: a build with much output has hundreds of
thousands of them. The field numbers are those of proto/control.proto and proto/ops.proto.
"""

from __future__ import annotations

from collections.abc import Iterable

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
from router.rpc.protobuf import Value, integer, read, submessage, text

__all__ = ["solve_status"]


def solve_status(response: memoryview) -> SolveStatus:
    """Return one message of the Status stream as values. Raises ``Http2Error`` if it is malformed."""
    parts: dict[int, list[Value]] = {1: [], 2: [], 3: [], 4: []}
    for number, value in read(response):
        parts.setdefault(number, []).append(value)
    return SolveStatus(
        vertexes=tuple(map(_vertex, parts[1])),
        statuses=tuple(map(_status, parts[2])),
        logs=tuple(map(_log, parts[3])),
        warnings=tuple(map(_warning, parts[4])),
    )


def _fields(value: Value) -> dict[int, Value]:
    """Return the fields of a message; if a number repeats, the last value counts."""
    return dict(submessage(value))


def _all(value: Value, number: int) -> Iterable[Value]:
    return (part for found, part in submessage(value) if found == number)


def _vertex(value: Value) -> Vertex:
    of = _fields(value)
    return Vertex(
        digest=_id(of, 1),
        name=_shown(_text(of, 3)),
        inputs=tuple(text(part)[:LONGEST_ID] for part in _all(value, 2)),
        cached=bool(of.get(4, 0)),
        started=_time(of, 5),
        completed=_time(of, 6),
        error=_text(of, 7),
        progress_group=_group(of[8]) if 8 in of else None,
    )


def _shown(name: str) -> str:
    """Return a step's name for display: a context's URL may include its password."""
    if "@" not in name or "://" not in name:
        return name
    from router.redaction import without_passwords

    return without_passwords(name)


def _group(value: Value) -> ProgressGroup:
    of = _fields(value)
    return ProgressGroup(id=_id(of, 1), name=_id(of, 2), weak=bool(of.get(3, 0)))


def _status(value: Value) -> VertexStatus:
    of = _fields(value)
    return VertexStatus(
        id=_text(of, 1),
        vertex=_id(of, 2),
        name=_id(of, 3),
        current=integer(of.get(4, 0)),
        total=integer(of.get(5, 0)),
        timestamp=_time(of, 6),
        started=_time(of, 7),
        completed=_time(of, 8),
    )


def _log(value: Value) -> VertexLog:
    of = _fields(value)
    return VertexLog(
        vertex=_id(of, 1), timestamp=_time(of, 2), stream=integer(of.get(3, 0)), data=_bytes(of, 4)
    )


def _warning(value: Value) -> VertexWarning:
    of = _fields(value)
    source = _fields(of[6]) if 6 in of else {}
    return VertexWarning(
        vertex=_id(of, 1),
        level=integer(of.get(2, 0)),
        short=_bytes(of, 3),
        detail=tuple(bytes(part) for part in _all(value, 4) if isinstance(part, memoryview)),
        url=_text(of, 5),
        source_filename=_text(source, 1),
        source_language=_text(source, 4),
        source_data=_bytes(source, 2),
        ranges=tuple(map(_range, _all(value, 7))),
    )


def _range(value: Value) -> SourceRange:
    of = _fields(value)
    start = _fields(of[1]) if 1 in of else {}
    end = _fields(of[2]) if 2 in of else {}
    return SourceRange(
        start_line=integer(start.get(1, 0)),
        end_line=integer(end.get(1, 0)),
        start_character=integer(start.get(2, 0)),
        end_character=integer(end.get(2, 0)),
    )


def _text(of: dict[int, Value], number: int) -> str:
    return text(of[number]) if number in of else ""


def _id(of: dict[int, Value], number: int) -> str:
    """Return an identifier, cut to a limit: many of them are kept."""
    return text(of[number])[:LONGEST_ID] if number in of else ""


def _bytes(of: dict[int, Value], number: int) -> bytes:
    value = of.get(number, b"")
    return bytes(value) if isinstance(value, memoryview) else b""


def _time(of: dict[int, Value], number: int) -> int | None:
    if number not in of:
        return None
    parts = _fields(of[number])
    return integer(parts.get(1, 0)) * 1_000_000_000 + integer(parts.get(2, 0))
