"""Text of strangers (a daemon, a step, a listing) as it may be printed: it does nothing, and begins no line.

A terminal obeys escape sequences, a console of CI obeys lines that begin with ``::`` or ``##``, and a
person believes a line that looks like ours. So text is cleaned (`cli.render.cells.printable`), what has
several lines is indented, and what a console would obey gets a mark before it.
"""

from __future__ import annotations

import re

from cli.render.cells import UNSAFE, printable, settle_line, without_escapes

__all__ = [
    "escaped",
    "indented",
    "lines_of",
    "log_text",
    "own_line",
    "place",
    "printable",
    "unfinished_escape",
]

_INDENT, _MARK = "  ", "| "
# GitHub's runner looks behind blanks, and takes a carriage return for the end of a line.
_COMMAND = r"[\s\x1b]*(?:::|##)"
_COLOUR = r"\x1b\[[0-9;:]*m"
_NAME = r"[\w.@%+/-][\w.@%+/ -]*:[0-9]+"


def lines_of(text: str) -> list[str]:
    """Cut text into lines to go behind something of ours; all but the first are indented."""
    first, *others = text.split("\n")
    return [printable(first), *map(indented, others)]


def indented(line: str) -> str:
    """Return a line that stands by itself."""
    shown = printable(line)
    return f"{_INDENT}{own_line(shown)}" if shown else ""


def own_line(shown: str) -> str:
    """Return printable text that begins a line: as it is, unless a console would obey it."""
    return f"{_MARK}{shown}" if re.match(_COMMAND, shown) else shown


def place(line: str) -> str:
    """Return the head of an excerpt, FILE:LINE, which is indented where it is something else."""
    return line if re.fullmatch(_NAME, line, re.ASCII) else indented(line)


def log_text(text: str, *, terminal: bool) -> str:
    """Return a piece of a line that a step wrote, without its end.

    A terminal gets what the line looks like in the end. Elsewhere carriage returns and colours stay, as other
    programs read them, and nothing else that acts.
    """
    if text.isascii() and text.isprintable():
        return text
    if terminal:
        return settle_line(text)
    parts = re.split(rf"({_COLOUR}|\r)", without_escapes(text, but=_COLOUR))
    kept = "".join(part if part[:1] in {"\x1b", "\r"} else _without_controls(part) for part in parts)
    return re.sub(rf"\r(?=(?:\r|{_COLOUR})*{_COMMAND})", rf"\r{_MARK}", kept) if "\r" in kept else kept


def unfinished_escape(text: str) -> int:
    """Return how many characters at the end begin an escape sequence whose rest may come yet."""
    found = re.search(r"\x1b(?:\[[0-9;:]{0,32})?$", text)
    return len(found[0]) if found else 0


def escaped(json: str) -> str:
    """Write JSON's text so that it is the same for a reader of JSON, and nothing for a terminal."""
    if json.isascii() and "\x7f" not in json:
        return json
    return re.sub(UNSAFE, lambda match: f"\\u{ord(match[0]):04x}", json)


def _without_controls(text: str) -> str:
    return "\t".join(re.sub(UNSAFE, "", part) for part in text.split("\t"))
