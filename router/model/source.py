"""An excerpt of a source file, as BuildKit's tools show where in a Dockerfile something is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from router.model.events import SourceRange

__all__ = ["excerpt"]

_CONTEXT_LINES = 4


def excerpt(filename: str, data: bytes, ranges: Sequence[SourceRange]) -> str:
    """Return the lines around ``ranges`` with those inside marked, headed by the file and line."""
    if not ranges:
        return ""
    lines = data.decode("utf-8", "replace").splitlines()
    first = min(item.start_line for item in ranges)
    last = max(item.end_line for item in ranges)
    if not 1 <= first <= len(lines):
        return ""
    begin, end = max(first - _CONTEXT_LINES, 1), min(last + _CONTEXT_LINES, len(lines))
    rule = "-" * 20
    out = [f"{filename}:{first}", rule]
    for number in range(begin, end + 1):
        marked = any(item.start_line <= number <= item.end_line for item in ranges)
        out.append(f"{number:4d} | {'>>> ' if marked else '    '}{lines[number - 1]}".rstrip())
    return "\n".join([*out, rule])
