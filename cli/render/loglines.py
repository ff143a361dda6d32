"""What a step wrote: whole lines for plain, the last few for tty. Both bound what they keep."""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Callable

from cli.render.cells import rows_of, settle_line
from cli.render.foreign import unfinished_escape

__all__ = ["LogLines", "LogTail"]

_PARTIAL = 8192  # characters kept of a line that never ends
_TAIL = 16384  # bytes kept for a window of a few lines
_PLAIN = rb"[\x20-\x7e\n]*"


def _as_it_is(text: str) -> str:
    return text


class LogLines:
    """Cuts a step's output into lines, each with the time before it, until they are printed.

    A line may be printed before it is whole: ``printed`` counts the characters of the first line that
    already stand on the display.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.partial = ""
        self.printed = 0
        self.size = 0
        """Characters that wait, about."""
        self._odd = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes, time: str) -> None:
        """Take bytes that are cut anywhere; ``time`` goes before the lines that begin in them."""
        self._odd = self._odd or not re.fullmatch(_PLAIN, data)
        *whole, rest = self._decoder.decode(data).split("\n")
        if whole:
            first, *others = whole
            self.lines.append(self.partial + first if self.partial else f"{time} {first}")
            self.lines += [f"{time} {line}" for line in others]
            self.partial = ""
        if rest:
            self.partial = self.partial + rest if self.partial else f"{time} {rest}"
        self.size += len(data)

    def take(self, prefix: str, clean: Callable[[str], str] = _as_it_is) -> str:
        """Return what is to be printed now, each new line after ``prefix``; an unfinished line has no end.

        ``clean`` makes a piece of what the step wrote fit to print; lines of plain text need none of it.
        """
        if not self._odd:
            clean = _as_it_is
        held = unfinished_escape(self.partial) if self._odd else 0
        out: list[str] = []
        for line in [*self.lines, self.partial[: len(self.partial) - held]] if self.partial else self.lines:
            if self.printed:
                out.append(clean(line[self.printed :]))
            else:
                time, blank, written = line.partition(" ")
                out.append(f"{prefix}{time}{blank}{clean(written)}")
            self.printed = 0
        text = "\n".join(out) + ("" if self.partial or not out else "\n")
        self.partial = self.partial[-_PARTIAL:]
        self.printed = max(len(self.partial) - held, 0)
        self._odd = bool(self.partial) and self._odd
        self.lines = []
        self.size = 0
        return text

    def interrupt(self) -> None:
        """Something else is printed: an unfinished line begins anew when it goes on."""
        self.printed = 0

    def finish(self) -> None:
        """The step is over: an unfinished line is whole as it is."""
        self.partial, self.printed = "", 0


class LogTail:
    """The end of a step's output, kept as bytes: taking more is cheap, looking costs."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes in all."""
        self._chunks: deque[bytes] = deque()
        self._kept = 0

    def feed(self, data: bytes) -> None:
        """Take bytes that are cut anywhere."""
        self.size += len(data)
        self._chunks.append(data[-_TAIL:])
        self._kept += min(len(data), _TAIL)
        while self._kept - len(self._chunks[0]) >= _TAIL:
            self._kept -= len(self._chunks.popleft())

    def lines(self, count: int, columns: int) -> list[str]:
        """Return the last rows that aren't blank, at most ``count``: long lines wrap, as on a terminal."""
        raw = b"".join(self._chunks).decode("utf-8", "replace").split("\n")
        if self.size > self._kept and len(raw) > 1:
            del raw[0]  # its beginning is gone
        found: list[str] = []
        for line in reversed(raw):
            if len(found) >= count:
                break
            found += reversed(rows_of(settle_line(line), columns))
        return found[:count][::-1]
