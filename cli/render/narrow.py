"""A table that gives way to a narrow terminal: ids are shortened, columns left out, one column cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cli.named import NamedTuple
from cli.render.table import table

__all__ = ["Narrowing", "narrow_table"]

# Characters of an id that are shown at least: docker's number. Builds of one key have the first 8 in common.
_SHORT_ID = 12
_LEAST = 12


class Narrowing(NamedTuple):
    """How a table gives way, in this order: the column of ids that are unique by their first characters, the
    columns that are left out, and those that are cut, of which the beginning or the end is kept."""

    spared: tuple[str, ...]
    cut: tuple[tuple[str, Literal["beginning", "end"]], ...]
    ids: str = ""


def narrow_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], narrowing: Narrowing, *, room: int | None
) -> str:
    """Return the lines of a table; ``room`` is the columns of the terminal, None where there is no end."""
    named = [dict(zip(header, row, strict=True)) for row in rows]
    lines = _lines(named, header)
    if _fits(lines, room):
        return lines
    if narrowing.ids:
        shown = _distinct([row[narrowing.ids] for row in named])
        for row in named:
            row[narrowing.ids] = row[narrowing.ids][:shown]
    columns = list(header)
    for spared in ("", *narrowing.spared):
        columns = [column for column in columns if column != spared]
        lines = _lines(named, columns)
        if _fits(lines, room):
            return lines
    for column, kept in narrowing.cut:
        longest = max(len(row[column]) for row in named)
        most = max(longest - (_width(lines) - (room or 0)), _LEAST)
        for row in named:
            row[column] = _cut(row[column], most, kept)
        lines = _lines(named, columns)
        if _fits(lines, room):
            break
    return lines


def _distinct(ids: Sequence[str]) -> int:
    """Return how many characters tell the ids from each other."""
    several = set(ids)
    longest = max(map(len, several), default=0)
    lengths = range(_SHORT_ID, longest)
    return next((most for most in lengths if len({each[:most] for each in several}) == len(several)), longest)


def _lines(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> str:
    return table(columns, [[row[column] for column in columns] for row in rows])


def _fits(lines: str, room: int | None) -> bool:
    return room is None or _width(lines) <= room


def _width(lines: str) -> int:
    return max(map(len, lines.split("\n")))


def _cut(text: str, most: int, kept: Literal["beginning", "end"]) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most - 2]}.." if kept == "beginning" else f"..{text[2 - most :]}"
