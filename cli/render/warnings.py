"""The frontend's warnings, told again when the build has ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cli.render.foreign import indented, place, printable
from router.model.events import VertexWarning
from router.model.frozen import replace

__all__ = ["summarize_warnings"]


def summarize_warnings(
    warnings: Iterable[VertexWarning], *, verbosity: int, highlight: tuple[str, str] = ("", "")
) -> str:
    """List each different warning once; when verbose, with its explanation and its place in the source.

    ``highlight`` is what goes before and after the headline. Without warnings the answer is empty.
    """
    distinct = list({_content(warning): warning for warning in warnings}.values())
    if not distinct:
        return ""
    count = "1 warning" if len(distinct) == 1 else f"{len(distinct)} warnings"
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
    from router.model.source import excerpt  # most builds have no warnings

    head, *source = excerpt(warning.source_filename, warning.source_data, warning.ranges).split("\n")
    if head:
        yield place(head)
    yield from map(printable, source)


def _content(warning: VertexWarning) -> VertexWarning:
    """Leave out which vertex told it: several do for one line of a Dockerfile built for several platforms."""
    return replace(warning, vertex="")


def _text(data: bytes) -> str:
    return printable(data.decode("utf-8", "replace"))
