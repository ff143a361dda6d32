"""From one line of ``--progress rawjson`` to an event: buildctl and buildx write these instead of a display.
Pure.

The field names are those of BuildKit's Go client. Any other line (an error, a log line of the tool itself) is
not an event and returns None.
"""

from __future__ import annotations

import re
from base64 import b64decode
from calendar import timegm
from collections.abc import Mapping, Sequence
from typing import Any

from router.json_shape import Shape, shaped
from router.model.events import (
    ProgressGroup,
    SolveStatus,
    SourceRange,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from router.redaction import without_passwords
from router.untrusted_json import read_json

__all__ = ["parse_rawjson", "parse_time"]

# The limit for fields of a daemon's message, too; every object has at least one.
_MOST_OBJECTS = 100_000
_KINDS = frozenset({"vertexes", "statuses", "logs", "warnings"})
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)

_Object = Mapping[str, Any]

_POSITION: Shape = {"line": int, "character": int}
_MESSAGE: Shape = {
    "vertexes": [
        {
            "digest": str,
            "name": str,
            "inputs": [str],
            "cached": bool,
            "started": str,
            "completed": str,
            "error": str,
            "progressGroup": {"id": str, "name": str, "weak": bool},
        }
    ],
    "statuses": [
        {
            "id": str,
            "vertex": str,
            "name": str,
            "current": int,
            "total": int,
            "timestamp": str,
            "started": str,
            "completed": str,
        }
    ],
    "logs": [{"vertex": str, "data": str, "stream": int, "timestamp": str}],
    "warnings": [
        {
            "vertex": str,
            "short": str,
            "level": int,
            "detail": [str],
            "url": str,
            "sourceInfo": {"filename": str, "language": str, "data": str},
            "range": [{"start": _POSITION, "end": _POSITION}],
        }
    ],
}


def parse_rawjson(line: bytes) -> SolveStatus | None:
    """Return the message in ``line``, None if there is none, or if it is larger than a daemon may send."""
    if not line.startswith(b"{") or line.count(b"{") > _MOST_OBJECTS:
        return None
    try:
        value = read_json(line)
        if (
            not isinstance(value, dict)
            or not _KINDS.issuperset(value)
            or not all(map(_of_objects, value.values()))
        ):
            return None
        message = shaped(value, _MESSAGE)
        return SolveStatus(
            vertexes=tuple(_vertex(item) for item in message.get("vertexes", ())),
            statuses=tuple(_status(item) for item in message.get("statuses", ())),
            logs=tuple(_log(item) for item in message.get("logs", ())),
            warnings=tuple(_warning(item) for item in message.get("warnings", ())),
        )
    except ValueError:
        return None


def _of_objects(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(each, dict) for each in value))


def parse_time(text: str | None) -> int | None:
    """Return nanoseconds since the epoch for RFC 3339; None for no time, and for Go's zero time.

    Raises ``ValueError`` for anything else.
    """
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 time")
    *date, fraction, sign, hours, minutes = match.groups()
    seconds = timegm((*map(int, date), 0, 0, 0))
    offset = int(hours or 0) * 3600 + int(minutes or 0) * 60
    seconds += offset if sign == "-" else -offset
    nanoseconds = seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
    return nanoseconds if nanoseconds > 0 else None


def _vertex(item: _Object) -> Vertex:
    return Vertex(
        digest=item.get("digest", ""),
        name=without_passwords(item.get("name", "")),
        inputs=tuple(item.get("inputs") or ()),
        cached=item.get("cached", False),
        started=parse_time(item.get("started")),
        completed=parse_time(item.get("completed")),
        error=item.get("error", ""),
        progress_group=_group(item.get("progressGroup")),
    )


def _group(item: _Object | None) -> ProgressGroup | None:
    if item is None:
        return None
    return ProgressGroup(id=item.get("id", ""), name=item.get("name", ""), weak=item.get("weak", False))


def _status(item: _Object) -> VertexStatus:
    return VertexStatus(
        id=item.get("id", ""),
        vertex=item.get("vertex", ""),
        name=item.get("name", ""),
        current=item.get("current", 0),
        total=item.get("total", 0),
        timestamp=parse_time(item.get("timestamp")),
        started=parse_time(item.get("started")),
        completed=parse_time(item.get("completed")),
    )


def _log(item: _Object) -> VertexLog:
    return VertexLog(
        vertex=item.get("vertex", ""),
        data=b64decode(item.get("data") or ""),
        stream=item.get("stream", 0),
        timestamp=parse_time(item.get("timestamp")),
    )


def _warning(item: _Object) -> VertexWarning:
    source: _Object = item.get("sourceInfo") or {}
    return VertexWarning(
        vertex=item.get("vertex", ""),
        short=b64decode(item.get("short") or ""),
        level=item.get("level", 0),
        detail=tuple(b64decode(part) for part in item.get("detail") or ()),
        url=item.get("url", ""),
        source_filename=source.get("filename", ""),
        source_language=source.get("language", ""),
        source_data=b64decode(source.get("data") or ""),
        ranges=_ranges(item.get("range") or ()),
    )


def _ranges(items: Sequence[_Object]) -> tuple[SourceRange, ...]:
    places = [(item.get("start") or {}, item.get("end") or {}) for item in items]
    return tuple(
        SourceRange(
            start_line=start.get("line", 0),
            end_line=end.get("line", 0),
            start_character=start.get("character", 0),
            end_character=end.get("character", 0),
        )
        for start, end in places
    )
