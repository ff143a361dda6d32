"""The lines of a watch, out of the bytes of its answer. Pure."""

from __future__ import annotations

import re

from router.errors import FleetError

__all__ = ["LineReader"]

# etcd holds objects of 1.5 MiB at most.
_MOST_LINE = 1 << 22
_MOST_CHUNK_LINE = 1 << 12
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")


class LineReader:
    """Takes the lines out of a body, which may be in chunks (RFC 9112, section 7.1).

    Holds a line of 4 MiB at most, and takes time in proportion to the bytes, however they come.
    """

    def __init__(self, *, chunked: bool) -> None:
        self._chunked = chunked
        self._raw = bytearray()
        self._line = bytearray()
        self._left = 0
        self.ended = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that ``data`` completes. Raises FleetError where it is no such body."""
        if not self._chunked:
            return self._lines(data)
        self._raw += data
        return self._lines(self._unpacked())

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

    def _unpacked(self) -> bytearray:
        """Take out of the chunks what has arrived of them."""
        text = bytearray()
        position = 0
        while not self.ended:
            if self._left:
                taken = self._raw[position : position + self._left]
                text += taken
                position += len(taken)
                self._left -= len(taken)
                if self._left:
                    break
                continue
            start = position + 2 if self._raw.startswith(b"\r\n", position) else position
            end = self._raw.find(b"\r\n", start, start + _MOST_CHUNK_LINE)
            if end < 0:
                if len(self._raw) - start >= _MOST_CHUNK_LINE:
                    raise _broken_chunk()
                break
            size = bytes(self._raw[start:end]).partition(b";")[0].strip()
            if not _SIZE.fullmatch(size):
                raise _broken_chunk()
            position = end + 2
            self._left = int(size, 16)
            self.ended = not self._left
        del self._raw[:position]
        return text


def _broken_chunk() -> FleetError:
    return FleetError("the API server's watch has a broken chunk", temporary=True)
