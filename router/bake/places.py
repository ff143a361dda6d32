"""Where in a definition something stands, and what is wrong there.

A place is a stretch of a file's text; its line and column are counted when somebody asks, which is when there
is something wrong with it. ``DefinitionFault`` is the error of everything below ``router.bake``: the
evaluator may catch it (``try`` and ``can`` do), and what leaves the package is a ``UsageError`` that shows
the line.
"""

from __future__ import annotations

from typing import NamedTuple

from router.errors import UsageError

__all__ = ["DefinitionFault", "FinalFault", "Place", "Source", "as_usage_error"]

_WIDEST = 160
"""Characters of a line that are shown."""


class Source(NamedTuple):
    """A file of a definition: its name as it was given, and its text."""

    name: str
    text: str

    def place(self, begin: int, end: int) -> Place:
        """Return the stretch between two offsets."""
        return Place(self, begin, end)


class Place(NamedTuple):
    """A stretch of a file's text, by offsets in characters."""

    source: Source
    begin: int
    end: int

    @property
    def line(self) -> int:
        """The number of the line where it begins, from 1."""
        return self.source.text.count("\n", 0, self.begin) + 1

    @property
    def column(self) -> int:
        """The column where it begins, from 1."""
        return self.begin - (self.source.text.rfind("\n", 0, self.begin) + 1) + 1

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line},{self.column}"

    def excerpt(self) -> str:
        """Return the line where it begins, with carets below what is meant."""
        text = self.source.text
        start = text.rfind("\n", 0, self.begin) + 1
        stop = text.find("\n", start)
        shown = text[start : len(text) if stop < 0 else stop].rstrip("\r")
        left = max(0, self.column - 1 - _WIDEST // 2) if len(shown) > _WIDEST else 0
        window = shown[left : left + _WIDEST]
        before = "".join("\t" if each == "\t" else " " for each in window[: self.column - 1 - left])
        carets = "^" * max(1, min(self.end, start + left + len(window)) - self.begin)
        number = f"{self.line:>4}"
        return f"{number} | {window}\n{' ' * len(number)} | {before}{carets}"


class DefinitionFault(Exception):  # noqa: N818 -- it is no error of the library: it never leaves the package
    """Something is wrong in a definition; ``place`` is None where it is in no file, or not yet known
    where."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place

    def at(self, place: Place) -> DefinitionFault:
        """Say where, unless that is known better already."""
        if self.place is None:
            self.place = place
        return self


class FinalFault(DefinitionFault):
    """Something depends on itself, or a bound is reached: no ``try`` makes up for it."""


def as_usage_error(fault: DefinitionFault) -> UsageError:
    """Return the error that the user reads: what is wrong, where, and the line."""
    if fault.place is None:
        return UsageError(fault.message, reason="definition")
    return UsageError(f"{fault.place}: {fault.message}\n{fault.place.excerpt()}", reason="definition")
