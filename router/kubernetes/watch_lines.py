"""The lines of a watch, out of the bytes of its answer. Pure."""

from __future__ import annotations

from router.errors import FleetError
from router.net.chunked import BrokenChunkError, ChunkedBody

__all__ = ["LineReader"]

# etcd holds objects of 1.5 MiB at most.
_MOST_LINE = 1 << 22


class LineReader:
    """Takes the lines out of a body, which may be in chunks.

    Holds a line of 4 MiB at most, and takes time in proportion to the bytes, however they come.
    """

    def __init__(self, *, chunked: bool) -> None:
        self._chunks = ChunkedBody() if chunked else None
        self._line = bytearray()

    @property
    def ended(self) -> bool:
        """Whether the body says that it is complete; one that is not in chunks can't."""
        return self._chunks is not None and self._chunks.ended

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that ``data`` completes. Raises FleetError where it is no such body."""
        if self._chunks is None:
            return self._lines(data)
        try:
            return self._lines(self._chunks.feed(data))
        except BrokenChunkError as exc:
            raise FleetError("the API server's watch has a broken chunk", temporary=True) from exc

    def _lines(self, text: bytes | bytearray) -> list[bytes]:
        # What was there before has no line end: only what is new is looked through.
        first, *others = text.split(b"\n")
        self._line += first
        lines: list[bytes] = []
        for part in others:
            lines.append(bytes(self._line))
            self._line = bytearray(part)
        if len(self._line) > _MOST_LINE:
            raise FleetError("the API server's watch has a line without end", temporary=True)
        return [line for line in lines if line.strip()]
