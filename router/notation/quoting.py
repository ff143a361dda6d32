"""Foreign text in a message: in double quotes, on one line."""

from __future__ import annotations

__all__ = ["quoted"]


def quoted(text: str) -> str:
    """Return a text in double quotes, with what can't be printed, quotes and backslashes escaped."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
