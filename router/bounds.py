"""How much of what a daemon tells is kept: far more than a build has, far less than fills a machine.

A daemon may say anything for as long as a build lasts. Each collection of what it has said takes so many
entries and texts of such a length; what is over the bound is left out, and a build doesn't fail for it.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TypeVar

__all__ = ["LONGEST_ID", "MOST_STEPS", "MOST_TRANSFERS", "MOST_WARNINGS", "put", "shortened"]

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

LONGEST_ID = 1000
"""Characters of what tells one thing from others: a vertex' digest has 71."""
MOST_STEPS = 20_000
"""Vertexes of one build. The largest that people report have some thousands."""
MOST_TRANSFERS = 20_000
MOST_WARNINGS = 10_000


def put(kept: MutableMapping[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Set ``kept[key]`` if it is there already or there is room."""
    if key in kept or len(kept) < most:
        kept[key] = value


def shortened(text: str, most: int) -> str:
    """Return ``text`` with its middle left out where it has more than ``most`` characters, at least 300."""
    return text if len(text) <= most else f"{text[: most - 200]} ... {text[-195:]}"
