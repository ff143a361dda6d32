"""Text as a terminal shows it: how many columns it takes, what of it is safe to print.

Widths err on the wide side (a joined emoji counts as its parts): a line that is a little short does no harm,
one that wraps breaks the display.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = [
    "GAP",
    "UNSAFE",
    "cell_width",
    "fit",
    "pad",
    "printable",
    "rows_of",
    "settle_line",
    "without_escapes",
]

GAP = "  "
"""What stays between a text and what stands at the end of its line, so that neither seems to go on."""

_TAB = 8
_VARIATION_SELECTOR_16 = "\ufe0f"  # asks for the emoji form, which takes one column more
_FARTHEST = 4096  # columns that a line can jump to: what it asks for is no limit to our memory

_ESCAPE = (
    r"\x1b\[[0-?]*[ -/]*[@-~]?"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS and the like
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]?"
)
# Characters that turn the direction of what follows would reorder the rest of the line.
UNSAFE = r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
"""A character that is no text: it moves the cursor, begins an escape sequence, turns the writing around."""
_MOVE = r"\x1b\[([0-9]{0,4})([CDGK])"
_PIECES = rf"{_MOVE}|([\r\b\t])|([^\r\b\t\x1b]+)|\x1b"


def cell_width(text: str) -> int:
    """Count the columns that ``text``, free of control characters, takes at most."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


@lru_cache(maxsize=4096)
def _character_width(character: str) -> int:
    import unicodedata  # most builds print ASCII only

    if character == _VARIATION_SELECTOR_16:
        return 1
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def fit(text: str, columns: int) -> str:
    """Cut ``text`` so that it takes at most ``columns``."""
    if text.isascii():
        return text[: max(columns, 0)]
    used = 0
    for index, character in enumerate(text):
        used += _character_width(character)
        if used > columns:
            return text[:index]
    return text


def rows_of(text: str, columns: int) -> list[str]:
    """Cut ``text`` into the rows that it takes; a column that is too narrow for a character ends it."""
    rows: list[str] = []
    while row := fit(text, columns):
        rows.append(row)
        text = text[len(row) :]
    return rows


def pad(left: str, right: str, columns: int) -> str:
    """Put ``left`` and ``right`` at the ends of a line of ``columns``, cutting ``left`` when it must."""
    left = fit(left, columns - cell_width(right) - len(GAP))
    gap = columns - cell_width(left) - cell_width(right)
    return fit(f"{left}{' ' * gap}{right}", columns)


def printable(text: str) -> str:
    """Make one line that can't move the cursor, change colours or turn the direction of writing."""
    if text.isascii() and text.isprintable():
        return text
    plain = re.sub(_ESCAPE, "", text).replace("\t", " ").replace("\n", " ")
    return re.sub(UNSAFE, "", plain)


def settle_line(line: str) -> str:
    """Say what a line looks like after its carriage returns, backspaces, tabs and erasures.

    Colours, movements to other lines and blanks at the end are dropped.
    """
    if line.isascii() and line.isprintable():
        return line.rstrip()
    settled, column = "", 0
    for amount, move, control, run in re.findall(_PIECES, _last_movements(line)):
        if run:
            settled = settled[:column].ljust(column) + run + settled[column + len(run) :]
            column += len(run)
        elif move == "K":
            settled = _erase(settled, column, amount)
        elif move or control:
            column = _moved(column, move or control, int(amount or 1))
    return printable(settled).rstrip()


def without_escapes(text: str, *, but: str) -> str:
    """Take out the escape sequences that don't match the pattern ``but``."""
    return re.sub(_ESCAPE, lambda match: match[0] if re.fullmatch(but, match[0]) else "", text)


def _last_movements(line: str) -> str:
    """Keep the movements within a line; of one that returns again and again only the end can be seen."""
    return without_escapes(line[-_FARTHEST:] if "\r" in line else line, but=_MOVE)


def _erase(settled: str, column: int, amount: str) -> str:
    if amount == "1":
        return " " * column + settled[column:]
    return "" if amount == "2" else settled[:column]


def _moved(column: int, move: str, amount: int) -> int:
    match move:
        case "\r":
            return 0
        case "\b":
            return max(column - 1, 0)
        case "\t":
            return max(column, min(column // _TAB * _TAB + _TAB, _FARTHEST))
        case "C":
            return max(column, min(column + amount, _FARTHEST))
        case "D":
            return max(column - amount, 0)
        case _:
            return min(max(amount - 1, 0), _FARTHEST)
