"""The Status stream as JSON, one message a line, with the field names of BuildKit's Go client.

Notices are not part of that stream and are left out, so that parsers written for buildx don't break. A
further attempt, and that some of the stream is lost, are told as steps that are done at once.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import TextIO

from cli.render.foreign import escaped
from cli.render.notices import attempt_text
from cli.render.output import Output, Turns
from cli.render.units import NANOSECONDS
from router import (
    Attempt,
    BuildResult,
    Event,
    Notice,
    ProgressGroup,
    SolveStatus,
    SourceRange,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)

__all__ = ["RawJsonRenderer", "encode_status", "encode_warnings"]


class RawJsonRenderer:
    """Writes each message as it comes."""

    def __init__(self, stream: TextIO) -> None:
        self._output = Output(stream)
        self._turns = Turns(self._output)
        self._closed = False

    def event(self, event: Event) -> None:
        """Write a message of the Status stream, an attempt, or that messages are missing."""
        with self._turns.mine() as mine:
            if self._closed or not mine:
                return
            if isinstance(event, Attempt) and event.reason:
                event = _as_step(attempt_text(event))
            elif isinstance(event, Notice) and event.reason == "progress-lost":
                event = _as_step(event.text)
            if isinstance(event, SolveStatus):
                self._output.write(encode_status(event) + "\n")

    def hurry(self) -> None:
        """Wait no longer for a reader who takes nothing."""
        self._output.hurry()

    def close(
        self,
        error: BaseException | None,  # noqa: ARG002 -- the command prints it
        result: BuildResult | None = None,  # noqa: ARG002 -- the metadata file tells it
    ) -> None:
        """Write no more."""
        self._closed = True


def encode_status(status: SolveStatus) -> str:
    """Write one message as a JSON object on one line."""
    message = {
        "vertexes": [_vertex(each) for each in status.vertexes],
        "statuses": [_status(each) for each in status.statuses],
        "logs": [_log(each) for each in status.logs],
        "warnings": [_warning(each) for each in status.warnings],
    }
    return escaped(json.dumps(_filled(message), ensure_ascii=False, separators=(",", ":")))


def _as_step(text: str) -> SolveStatus:
    from hashlib import sha256

    name, now = f"[warmroute] {text}", time.time_ns()
    digest = f"sha256:{sha256(name.encode('utf-8', 'replace')).hexdigest()}"
    return SolveStatus(vertexes=(Vertex(digest=digest, name=name, started=now, completed=now),))


def encode_warnings(warnings: Iterable[VertexWarning]) -> list[Mapping[str, object]]:
    """Return warnings as values for JSON."""
    return [_warning(each) for each in warnings]


def _vertex(vertex: Vertex) -> Mapping[str, object]:
    return _filled(
        {
            "digest": vertex.digest,
            "inputs": vertex.inputs,
            "name": vertex.name,
            "started": _time(vertex.started),
            "completed": _time(vertex.completed),
            "cached": vertex.cached,
            "error": vertex.error,
            "progressGroup": _group(vertex.progress_group),
        }
    )


def _group(group: ProgressGroup | None) -> Mapping[str, object] | None:
    if group is None:
        return None
    return _filled({"id": group.id, "name": group.name, "weak": group.weak})


def _status(status: VertexStatus) -> Mapping[str, object]:
    return {
        "id": status.id,
        **_filled({"vertex": status.vertex, "name": status.name, "total": status.total}),
        "current": status.current,
        "timestamp": _time(status.timestamp or 0),
        **_filled({"started": _time(status.started), "completed": _time(status.completed)}),
    }


def _log(log: VertexLog) -> Mapping[str, object]:
    return {
        **_filled({"vertex": log.vertex, "stream": log.stream}),
        "data": _base64(log.data),
        "timestamp": _time(log.timestamp or 0),
    }


def _warning(warning: VertexWarning) -> Mapping[str, object]:
    source = _filled(
        {
            "filename": warning.source_filename,
            "data": _base64(warning.source_data),
            "language": warning.source_language,
        }
    )
    return _filled(
        {
            "vertex": warning.vertex,
            "level": warning.level,
            "short": _base64(warning.short),
            "detail": [_base64(each) for each in warning.detail],
            "url": warning.url,
            "sourceInfo": source,
            "range": [_range(each) for each in warning.ranges],
        }
    )


def _range(place: SourceRange) -> Mapping[str, object]:
    return {
        "start": _filled({"line": place.start_line, "character": place.start_character}),
        "end": _filled({"line": place.end_line, "character": place.end_character}),
    }


def _filled(fields: Mapping[str, object]) -> Mapping[str, object]:
    """Leave out what is empty, as Go's omitempty does."""
    return {name: value for name, value in fields.items() if value}


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _time(nanoseconds: int | None) -> str | None:
    """Write RFC 3339 in UTC with as many decimals as it takes (Go's RFC3339Nano)."""
    if nanoseconds is None:
        return None
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    decimals = f".{fraction:09d}".rstrip("0") if fraction else ""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + decimals + "Z"
