"""Short ways to write a build's events, and to replay recorded ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from router.model.events import ProgressGroup, SolveStatus, Vertex, VertexLog, VertexStatus, VertexWarning
from router.solve.rawjson import parse_rawjson

SECOND = 1_000_000_000
EPOCH = 1_800_000_000 * SECOND
"""When the builds of these tests began, by the daemon's clock."""

RECORDINGS = Path(__file__).parent / "recordings"
"""Status streams of real builds with the seconds at which each message came, and what buildctl's plain
display printed for the same stream at the same pace."""


def at(seconds: float) -> int:
    """The daemon's time so many seconds into the build."""
    return EPOCH + round(seconds * SECOND)


def vertex(
    name: str,
    start: float | None = None,
    stop: float | None = None,
    *,
    cached: bool = False,
    error: str = "",
    group: ProgressGroup | None = None,
) -> SolveStatus:
    """A message about one vertex, whose digest is its name; times in seconds into the build."""
    told = Vertex(
        digest=name,
        name=name,
        started=None if start is None else at(start),
        completed=None if stop is None else at(stop),
        cached=cached,
        error=error,
        progress_group=group,
    )
    return SolveStatus(vertexes=(told,))


def log(name: str, data: bytes | str, seconds: float = 0) -> SolveStatus:
    """A message with what a vertex wrote."""
    raw = data.encode() if isinstance(data, str) else data
    return SolveStatus(logs=(VertexLog(vertex=name, data=raw, timestamp=at(seconds)),))


def transfer(
    name: str, key: str, *, current: int = 0, total: int = 0, now: float = 0, stop: float | None = None
) -> SolveStatus:
    """A message about a transfer that began with the build."""
    status = VertexStatus(
        id=key,
        vertex=name,
        current=current,
        total=total,
        timestamp=at(now),
        started=at(0),
        completed=None if stop is None else at(stop),
    )
    return SolveStatus(statuses=(status,))


def warning(name: str, short: str) -> SolveStatus:
    """A message with a warning."""
    return SolveStatus(warnings=(VertexWarning(vertex=name, short=short.encode()),))


def recording(name: str) -> Iterator[tuple[float, SolveStatus]]:
    """The messages of a recorded build, each with the seconds at which it came."""
    for line in (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        status = parse_rawjson(json.dumps(entry["status"]).encode())
        assert status is not None
        yield entry["at"], status
