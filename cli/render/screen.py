"""Redraws a block of lines in place, with lines above it that stay. Pure: text in, escape sequences out.

Between two frames the cursor stands at the start of the row below the block, visible: whatever ends the
program leaves a usable terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cli.render.cells import cell_width
from cli.render.colors import Palette, paint
from cli.render.layout import Line

__all__ = ["RESTORE", "Screen"]

_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
RESTORE = f"\x1b[0m{_WRAP}{_SHOW}\n"
"""What makes a terminal usable again on which a frame was cut short."""
_ERASE_LINE, _ERASE_BELOW = "\x1b[K", "\x1b[J"


class Screen:
    """Remembers what stands on the terminal, to replace it."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._widths: list[int] = []
        self._drawn: Sequence[Line] = ()
        self._columns = 0

    def draw(self, lines: Sequence[Line], *, above: Iterable[Line] = (), columns: int) -> str:
        """Return what replaces the block by ``lines``, "" when nothing changes; ``above`` scrolls away."""
        kept = [self._kept(line, columns) for line in above]
        if not kept and lines == self._drawn and columns == self._columns:
            return ""
        out = [_HIDE, self._to_top(columns), *kept]
        # A character that the terminal finds wider than we do is cut off rather than breaking the block.
        out.append(_NO_WRAP)
        out += [f"{paint(line.text, line.style, self._palette)}{_ERASE_LINE}\n" for line in lines]
        # Only here: tmux moves a screen that is erased from its very top into its history.
        out += [_WRAP, _ERASE_BELOW, _SHOW]
        self._drawn, self._columns = lines, columns
        self._widths = [cell_width(line.text) for line in lines]
        return "".join(out)

    def _kept(self, line: Line, columns: int) -> str:
        """Draw a line that may wrap; where it fills its last row, erasing would take its last character."""
        erase = _ERASE_LINE if cell_width(line.text) % columns else ""
        return f"{paint(line.text, line.style, self._palette)}{erase}\n"

    def _to_top(self, columns: int) -> str:
        """Go to the block's first row; a terminal that became narrower has wrapped its lines."""
        rows = sum(max(-(-width // columns), 1) for width in self._widths)
        return f"\r\x1b[{rows}A" if rows else "\r"
