"""An excerpt of a source file, as BuildKit's tools show where in a Dockerfile something is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from router.bounds import shortened
from router.model.events import SourceRange

__all__ = ["excerpt", "source_lines"]

# As BuildKit's own tools: a single line shows two around it, several show one.
_AROUND_ONE, _AROUND_MANY = 2, 1
# A heredoc may be long; a daemon may also call all of 16 MiB wrong.
_MOST_LINES, _LONGEST_LINE = 500, 1000


def source_lines(data: bytes) -> Sequence[str]:
    """Return the lines of a source as the Dockerfile's parser counts them, none of an empty one."""
    # No other character ends a line there.
    text = data.decode("utf-8", "replace")
    return [line.removesuffix("\r") for line in text.split("\n")] if data else []


def excerpt(filename: str, lines: Sequence[str], ranges: Sequence[SourceRange]) -> str:
    """Return the lines around ``ranges`` with those inside marked, headed by the file and line.

    At most 500, with a word about those left out.
    """
    if not ranges or not lines:
        return ""
    first = min(item.start_line for item in ranges)
    last = max(item.end_line for item in ranges)
    if not 1 <= first <= len(lines):
        return ""
    around = _AROUND_ONE if first == last else _AROUND_MANY
    begin, end = max(first - around, 1), min(last + around, len(lines))
    left_out = max(end - begin + 1 - _MOST_LINES, 0)
    end -= left_out
    rule = "-" * 20
    # One line, whatever a stranger calls a file.
    out = [f"{' '.join(filename.split())}:{first}", rule]
    for number, depth in enumerate(_depths(ranges, begin, end), begin):
        mark = ">>>" if depth else "   "
        out.append(f" {number:3d} | {mark} {shortened(lines[number - 1], _LONGEST_LINE)}")
    if left_out:
        out.append(f" ... {left_out} lines more")
    return "\n".join([*out, rule])


def _depths(ranges: Sequence[SourceRange], begin: int, end: int) -> Sequence[int]:
    """Return for each line in how many ranges it is; each range is looked at once, however long it is."""
    changes = [0] * (end - begin + 2)
    for item in ranges:
        first, last = max(item.start_line, begin), min(item.end_line, end)
        if first <= last:
            changes[first - begin] += 1
            changes[last + 1 - begin] -= 1
    return list(accumulate(changes))[: end - begin + 1]
