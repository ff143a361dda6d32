"""The frontend's warnings, told again when the build has ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cli.render.cells import printable
from router.model.events import VertexWarning
from router.model.frozen import replace

__all__ = ["summarize_warnings"]


def summarize_warnings(
    warnings: Iterable[VertexWarning], *, verbosity: int, highlight: tuple[str, str] = ("", "")
) -> str:
    """List each different warning once with its place in the source; when verbose, with its explanation.

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
        lines = [*(_explanation(warning) if verbosity > 0 else ()), *_place(warning)]
        if lines:
            text += "".join(f"{line}\n" for line in (*lines, ""))
    return text


def _explanation(warning: VertexWarning) -> Iterator[str]:
    yield from map(_text, warning.detail)
    if warning.url:
        yield f"More info: {printable(warning.url)}"


def _place(warning: VertexWarning) -> Iterator[str]:
    from router.model.source import excerpt  # most builds have no warnings

    source = excerpt(warning.source_filename, warning.source_data, warning.ranges)
    return map(printable, source.splitlines())


def _content(warning: VertexWarning) -> VertexWarning:
    """Leave out which vertex told it: several do for one line of a Dockerfile built for several platforms."""
    return replace(warning, vertex="")


def _text(data: bytes) -> str:
    return printable(data.decode("utf-8", "replace"))
