"""What the tty display colours, and how users change it.

BUILDKIT_COLORS is a list such as ``run=green:error=255,0,0``: a colour's name or three numbers for ``run``,
``cancel``, ``error`` and ``warning``. What can't be read is ignored. NO_COLOR set to anything turns all of
it off (https://no-color.org).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

__all__ = ["Palette", "Style", "paint", "read_palette"]

Style = Literal["", "run", "cancel", "error", "warning", "log"]
Palette = Mapping[str, str]
"""Escape sequences by style; a style that is missing is printed as it is."""

_RESET = "\x1b[0m"
_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_CODES = {
    "default": "39",
    **{name: str(30 + code) for code, name in enumerate(_NAMES)},
    **{f"light-{name}": str(90 + code) for code, name in enumerate(_NAMES)},
}
_DEFAULTS = {"run": "34", "cancel": "33", "error": "31", "warning": "33", "log": "2"}
_CONFIGURABLE = frozenset({"run", "cancel", "error", "warning"})


def read_palette(environment: Mapping[str, str]) -> Palette:
    """Choose the colours that the environment asks for."""
    if environment.get("NO_COLOR"):
        return {}
    codes = dict(_DEFAULTS)
    for entry in environment.get("BUILDKIT_COLORS", "").split(":"):
        style, _, value = entry.partition("=")
        code = _CODES.get(value.lower()) or _palette_code(value)
        if style.lower() in _CONFIGURABLE and code:
            codes[style.lower()] = code
    return {style: f"\x1b[{code}m" for style, code in codes.items()}


def paint(text: str, style: Style, palette: Palette) -> str:
    """Put a style's escape sequences around ``text``."""
    start = palette.get(style)
    return f"{start}{text}{_RESET}" if start else text


def _palette_code(value: str) -> str:
    """Find the nearest of the 216 colours of the cube that terminals share."""
    parts = value.split(",")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and int(part) <= 255 for part in parts):
        return ""
    red, green, blue = (int(part) // 43 for part in parts)
    return f"38;5;{16 + 36 * red + 6 * green + blue}"
