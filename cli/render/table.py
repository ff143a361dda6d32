"""A plain table: columns as wide as their cells, two spaces between, nothing cut.

On a terminal that is too narrow for it a table goes without some columns, its addresses unless it says
otherwise: rows that wrap can't be read, and ``--format json`` and pipes have all of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from cli.render.foreign import own_line, printable

__all__ = ["room_on_stderr", "room_on_stdout", "rows_on_stdout", "table"]


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    room: int | None = None,
    spared: Sequence[str] = ("ADDRESS",),
) -> str:
    """Return the lines of a table. Cells are printed as text; an empty one as a dash.

    ``room`` is the columns of the terminal, None where there is no end to a line; ``spared`` are the columns
    that are left out where there is no room, one after the other.
    """
    cells = [list(header), *([own_line(printable(cell)) or "-" for cell in row] for row in rows)]
    lines = _lines(cells)
    for name in spared:
        if room is None or max(map(len, lines)) <= room:
            break
        if name in cells[0]:
            column = cells[0].index(name)
            cells = [[*row[:column], *row[column + 1 :]] for row in cells]
            lines = _lines(cells)
    return "\n".join(lines)


def room_on_stdout() -> int | None:
    """Return the columns of the terminal that stdout is; None for a file or a pipe."""
    return _room_on(sys.stdout)


def room_on_stderr() -> int | None:
    """Return the same for stderr."""
    return _room_on(sys.stderr)


def _room_on(stream: TextIO) -> int | None:
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None


def rows_on_stdout() -> int | None:
    """Return the rows of the terminal that stdout is; None for a file or a pipe."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).lines or None
    except OSError:
        return None


def _lines(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
