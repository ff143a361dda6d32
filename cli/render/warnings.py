"""The frontend's warnings, told again when the build has ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import router as library
from cli.render.foreign import indented, place, printable
from router import MOST_WARNINGS, Event, Notice, SolveStatus, VertexWarning, replace

__all__ = ["Shortener", "Warnings", "summarize_warnings"]

_LONGEST = 2000  # bytes of a text
_MOST_SOURCE = 16 << 20  # bytes of the sources that warnings quote
_MOST_DETAILS, _MOST_RANGES = 20, 100


class Shortener:
    """Cuts warnings to what is kept of them; of the sources that they quote there is one copy."""

    def __init__(self) -> None:
        self._sources: dict[bytes, bytes] = {}
        self._size = 0

    def shortened(self, warning: VertexWarning) -> VertexWarning:
        """Return the warning with texts of bounded length."""
        return replace(
            warning,
            short=warning.short[:_LONGEST],
            detail=tuple(part[:_LONGEST] for part in warning.detail[:_MOST_DETAILS]),
            url=warning.url[:_LONGEST],
            source_filename=warning.source_filename[:_LONGEST],
            source_language=warning.source_language[:_LONGEST],
            source_data=self._source(warning.source_data),
            ranges=warning.ranges[:_MOST_RANGES],
        )

    def _source(self, data: bytes) -> bytes:
        if data not in self._sources:
            self._size += len(data)
            if self._size > _MOST_SOURCE:
                return b""
        return self._sources.setdefault(data, data)


class Warnings:
    """Keeps each different warning once. ``whole`` says that none is missing."""

    def __init__(self) -> None:
        self._kept: dict[VertexWarning, None] = {}
        self._shortener = Shortener()
        self.whole = True

    def hear(self, event: Event) -> None:
        """Take an event's warnings, or note that some of them are lost."""
        if isinstance(event, SolveStatus):
            self.add(event.warnings)
        elif isinstance(event, Notice) and event.reason == "progress-lost":
            self.whole = False

    def add(self, warnings: Iterable[VertexWarning]) -> None:
        """Take warnings as they come."""
        for warning in warnings:
            if len(self._kept) >= MOST_WARNINGS:
                self.whole = False
                return
            self._kept.setdefault(_content(self._shortener.shortened(warning)))

    def __iter__(self) -> Iterator[VertexWarning]:
        return iter(self._kept)


def summarize_warnings(
    warnings: Iterable[VertexWarning],
    *,
    verbosity: int,
    whole: bool = True,
    highlight: tuple[str, str] = ("", ""),
) -> str:
    """List each different warning once; when verbose, with its explanation and its place in the source.

    ``highlight`` is what goes before and after the headline; ``whole`` says that no warning is missing.
    Without warnings the answer is empty.
    """
    distinct = list({_content(warning): None for warning in warnings})
    if not distinct:
        return ""
    count = "1 warning" if len(distinct) == 1 else f"{len(distinct)} warnings"
    count = count if whole else f"at least {count}"
    more = "" if verbosity > 0 else " (-v explains them)"
    before, after = highlight
    text = f"\n {before}{count} found{more}:{after}\n"
    for warning in distinct:
        text += f" - {_text(warning.short)}\n"
        if verbosity > 0:
            text += "".join(f"{line}\n" for line in (*_explanation(warning), *_place(warning), ""))
    return text


def _explanation(warning: VertexWarning) -> Iterator[str]:
    for part in warning.detail:
        yield from map(indented, part.decode("utf-8", "replace").split("\n"))
    if warning.url:
        yield f"More info: {printable(warning.url)}"


def _place(warning: VertexWarning) -> Iterator[str]:
    lines = library.source_lines(warning.source_data)
    head, *source = library.excerpt(warning.source_filename, lines, warning.ranges).split("\n")
    if head:
        yield place(head)
    yield from map(printable, source)


def _content(warning: VertexWarning) -> VertexWarning:
    """Leave out which vertex told it: several do for one line of a Dockerfile built for several platforms."""
    return replace(warning, vertex="")


def _text(data: bytes) -> str:
    return printable(data.decode("utf-8", "replace"))
