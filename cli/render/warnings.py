"""The frontend's warnings, told again when the build has ended."""

from __future__ import annotations

from collections.abc import Iterable

from cli.render.cells import printable
from router.model.events import VertexWarning
from router.model.frozen import replace

__all__ = ["summarize_warnings"]


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


def _explanation(warning: VertexWarning) -> str:
    from router.model.source import excerpt  # few ask for it

    lines = [_text(detail) for detail in warning.detail]
    if warning.url:
        lines.append(f"More info: {printable(warning.url)}")
    source = excerpt(warning.source_filename, warning.source_data, warning.ranges)
    lines += map(printable, source.splitlines())
    return "".join(f"{line}\n" for line in (*lines, ""))


def _content(warning: VertexWarning) -> VertexWarning:
    """Leave out which vertex told it: several do for one line of a Dockerfile built for several platforms."""
    return replace(warning, vertex="")


def _text(data: bytes) -> str:
    return printable(data.decode("utf-8", "replace"))
