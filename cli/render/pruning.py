"""What a prune says while it runs: on a terminal one line that changes, elsewhere a line now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from cli.render.foreign import printable
from cli.render.output import Output
from cli.render.units import format_bytes

if TYPE_CHECKING:
    from router import CacheRecord, Daemon

__all__ = ["PruneProgress"]

_ERASE = "\r\x1b[K"
_FRAME, _LINE = 0.1, 5.0


class PruneProgress:
    """Hears of each record that is gone; not for use by two threads at once."""

    def __init__(self, stream: TextIO) -> None:
        self._output = Output(stream)
        self._terminal = stream.isatty()
        self._freed: dict[str, tuple[int, int]] = {}
        self._told = float("-inf") if self._terminal else time.monotonic()

    def see(self, daemon: Daemon, record: CacheRecord) -> None:
        """Count a record, and tell how far it is when there was silence for a while."""
        size, count = self._freed.get(daemon.name, (0, 0))
        self._freed[daemon.name] = (size + max(record.size, 0), count + 1)
        now = time.monotonic()
        if now - self._told >= (_FRAME if self._terminal else _LINE):
            self._told = now
            self._output.write(f"{_ERASE}{self._text()}" if self._terminal else f"{self._text()}\n")

    def close(self) -> None:
        """Take away the line that changes."""
        if self._terminal:
            self._output.write(_ERASE)

    def _text(self) -> str:
        size = sum(size for size, _ in self._freed.values())
        count = sum(count for _, count in self._freed.values())
        first = next(iter(self._freed))
        where = f"{len(self._freed)} daemons" if len(self._freed) > 1 else printable(first)
        records = f"{count} record{'' if count == 1 else 's'}"
        return f"warmroute: freed {format_bytes(size)} so far ({records} of {where})"
