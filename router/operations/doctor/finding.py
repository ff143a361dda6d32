"""The finding of one check about one thing: a daemon, a file, a right."""

from __future__ import annotations

from typing import Literal

from router.model.frozen import frozen

__all__ = ["Finding", "Level"]

Level = Literal["ok", "note", "problem"]
"""``problem``: something is wrong. ``note``: it works, and could be better, or it can't be known."""


@frozen
class Finding:
    """``check`` names the check and ``subject`` what it looked at, empty for the fleet as a whole.

    ``tried`` is what was done to know, ``result`` what came of it, and ``advice`` what to do, in one line or
    more; empty where there is nothing to do.
    """

    check: str
    level: Level
    result: str
    subject: str = ""
    tried: str = ""
    advice: str = ""
