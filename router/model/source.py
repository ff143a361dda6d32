"""An excerpt of a source file, as BuildKit's tools show where in a Dockerfile something is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from router.model.events import SourceRange

__all__ = ["excerpt"]

# As BuildKit's own tools: a single line shows two around it, several show one.
_AROUND_ONE, _AROUND_MANY = 2, 1


def excerpt(filename: str, data: bytes, ranges: Sequence[SourceRange]) -> str:
    """Return the lines around ``ranges`` with those inside marked, headed by the file and line."""
    if not ranges or not data:
        return ""
    # As the Dockerfile's parser counts them: no other character ends a line there.
    lines = [line.removesuffix("\r") for line in data.decode("utf-8", "replace").split("\n")]
    first = min(item.start_line for item in ranges)
    last = max(item.end_line for item in ranges)
    if not 1 <= first <= len(lines):
        return ""
    around = _AROUND_ONE if first == last else _AROUND_MANY
    begin, end = max(first - around, 1), min(last + around, len(lines))
    rule = "-" * 20
    # One line, whatever a stranger calls a file.
    out = [f"{' '.join(filename.split())}:{first}", rule]
    for number in range(begin, end + 1):
        marked = any(item.start_line <= number <= item.end_line for item in ranges)
        out.append(f" {number:3d} | {'>>>' if marked else '   '} {lines[number - 1]}")
    return "\n".join([*out, rule])
