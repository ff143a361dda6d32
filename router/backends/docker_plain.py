"""Lines of docker's plain progress -> events, for clients that can't write JSON.

Understands Docker 18.09 to 22's own ``--progress plain`` and buildx' before 0.13. Transfers become lines of
log; the times are those at which a line came.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from router.model.events import SolveStatus, Vertex, VertexLog
from router.redaction import without_passwords

__all__ = ["PlainParser"]

_LINE = re.compile(r"#(\d+) (.*)", re.DOTALL)
_TIMED = re.compile(r"\d+\.\d+ ?(.*)", re.DOTALL)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DONE = re.compile(r"DONE(?: \d+\.\d+s)?")
# Opens the summary of a failure, which repeats log lines.
_SUMMARY = "------"
_NOTHING = SolveStatus()


class PlainParser:
    """Call it with each line in turn; None comes back for lines that are no progress.

    ``clock`` gives nanoseconds since the epoch.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._vertexes: dict[str, Vertex] = {}
        self._ended = False

    def __call__(self, line: bytes) -> SolveStatus | None:
        text = line.decode(errors="replace")
        self._ended = self._ended or text == _SUMMARY
        match = _LINE.fullmatch(text)
        if self._ended or match is None:
            return None if text.strip() else _NOTHING
        number, rest = match.groups()
        if number == "0":
            return _NOTHING  # buildx on its own affairs
        rest = without_passwords(rest)
        vertex = self._vertexes.get(number)
        if vertex is None:
            return self._tell(number, Vertex(digest=f"#{number}", name=rest, started=self._clock()))
        return self._progress(number, vertex, rest)

    def _progress(self, number: str, vertex: Vertex, rest: str) -> SolveStatus:
        if rest in {vertex.name, "..."} or _DIGEST.fullmatch(rest):
            return _NOTHING
        if _DONE.fullmatch(rest):
            return self._end(number, vertex)
        if rest == "CACHED":
            return self._end(number, vertex, cached=True)
        if rest == "CANCELED":
            return self._end(number, vertex, error="context canceled")
        if rest.startswith("ERROR"):
            return self._end(number, vertex, error=rest.removeprefix("ERROR").lstrip(": "))
        timed = _TIMED.fullmatch(rest)
        data = (timed[1] if timed else rest).encode() + b"\n"
        return SolveStatus(logs=(VertexLog(vertex=vertex.digest, data=data, timestamp=self._clock()),))

    def _end(self, number: str, vertex: Vertex, *, cached: bool = False, error: str = "") -> SolveStatus:
        return self._tell(
            number,
            Vertex(
                digest=vertex.digest,
                name=vertex.name,
                started=vertex.started,
                completed=self._clock(),
                cached=cached,
                error=error,
            ),
        )

    def _tell(self, number: str, vertex: Vertex) -> SolveStatus:
        self._vertexes[number] = vertex
        return SolveStatus(vertexes=(vertex,))
