"""A plain table: columns as wide as their cells, two spaces between, nothing cut."""

from __future__ import annotations

from collections.abc import Sequence

from cli.render.foreign import own_line, printable

__all__ = ["table"]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the lines of a table. Cells are printed as text; an empty one as a dash."""
    cells = [list(header), *([own_line(printable(cell)) or "-" for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
