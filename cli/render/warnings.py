"""The frontend's warnings, told again when the build has ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cli.render.cells import printable
from router.model.events import SourceRange, VertexWarning

__all__ = ["source_excerpt", "summarize_warnings"]

_RULE = "-" * 20


def summarize_warnings(
    warnings: Iterable[VertexWarning], *, verbosity: int, highlight: tuple[str, str] = ("", "")
) -> str:
    """List each different warning once; with its explanation and source lines when verbose.

    ``highlight`` is what goes before and after the headline. Without warnings the answer is empty.
    """
    distinct = list({_content(warning): warning for warning in warnings}.values())
    if not distinct:
        return ""
    count = "1 warning" if len(distinct) == 1 else f"{len(distinct)} warnings"
    more = "" if verbosity > 0 else " (use -v to expand)"
    before, after = highlight
    text = f"\n {before}{count} found{more}:{after}\n"
    for warning in distinct:
        text += f" - {_text(warning.short)}\n"
        if verbosity > 0:
            text += _explanation(warning)
    return text


def source_excerpt(filename: str, data: bytes, ranges: Sequence[SourceRange]) -> str:
    """Quote the lines of ``ranges``, marked, and what stands around them; "" where there are none."""
    lines = data.decode("utf-8", "replace").split("\n")
    marked = {
        line for each in ranges for line in range(each.start_line, max(each.end_line, each.start_line) + 1)
    }
    marked &= set(range(1, len(lines) + 1))
    if not marked:
        return ""
    around = 2 if min(marked) == max(marked) else 1
    first, last = max(min(marked) - around, 1), min(max(marked) + around, len(lines))
    quoted = (
        f" {number:3d} | {'>>>' if number in marked else '   '} {printable(lines[number - 1])}".rstrip()
        for number in range(first, last + 1)
    )
    return "\n".join((f"{printable(filename)}:{min(marked)}", _RULE, *quoted, _RULE, ""))


def _explanation(warning: VertexWarning) -> str:
    text = "".join(f"{_text(detail)}\n" for detail in warning.detail)
    if warning.url:
        text += f"More info: {printable(warning.url)}\n"
    return text + source_excerpt(warning.source_filename, warning.source_data, warning.ranges) + "\n"


def _content(warning: VertexWarning) -> VertexWarning:
    """Leave out which vertex told it: several do for one line of a Dockerfile built for several platforms."""
    return replace(warning, vertex="")


def _text(data: bytes) -> str:
    return printable(data.decode("utf-8", "replace"))
