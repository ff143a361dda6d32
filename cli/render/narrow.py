"""A table that gives way to a narrow terminal: ids are shortened, columns left out, long cells cut."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Literal, assert_never

from cli.named import NamedTuple
from cli.render.foreign import own_line, printable
from cli.render.table import table

__all__ = ["Kept", "Narrowing", "narrow_table", "wrapped"]

Kept = Literal["beginning", "end", "ends"]
"""The part of a long cell that is kept."""

# Characters of an id that are shown at least: docker's number. Builds of one key have the first 8 in common.
_SHORT_ID = 12
_LEAST = 12


class Narrowing(NamedTuple):
    """How a table gives way, in this order: the column of ids that are unique by their first characters, the
    columns that are left out, those that are cut, of which the beginning, the end or both are kept, and the
    columns that are left out where that wasn't enough. A cell that is cut keeps ``least`` characters."""

    spared: tuple[str, ...]
    cut: tuple[tuple[str, Kept], ...]
    ids: str = ""
    last: tuple[str, ...] = ()
    least: int = _LEAST


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
        most = max(longest - (_width(lines) - (room or 0)), narrowing.least)
        for row in named:
            row[column] = _cut(row[column], most, kept)
        lines = _lines(named, columns)
        if _fits(lines, room):
            return lines
    for spared in narrowing.last:
        columns = [column for column in columns if column != spared]
        lines = _lines(named, columns)
        if _fits(lines, room):
            break
    return lines


def wrapped(text: str, room: int | None) -> list[str]:
    """Return a sentence as lines of at most ``room`` columns, those after the first indented."""
    shown = own_line(printable(text))
    if room is None or len(shown) <= room:
        return [shown]
    return wrap(shown, max(room, _LEAST), subsequent_indent="  ", break_on_hyphens=False)


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


def _cut(text: str, most: int, kept: Kept) -> str:
    if len(text) <= most:
        return text
    match kept:
        case "beginning":
            return f"{text[: most - 2]}.."
        case "end":
            return f"..{text[2 - most :]}"
        case "ends":
            behind = (most - 2) // 2
            return f"{text[: most - 2 - behind]}..{text[-behind:]}"
        case _:
            assert_never(kept)
