"""``--target STAGE`` and ``--no-cache-filter STAGE,...``: stages, or what a frontend has in their place.

Which there are is the frontend's to say.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.notation.flag import Flag

__all__ = ["parse_stages", "parse_target"]

_TARGET = Flag(name="--target", example="release")
_NO_CACHE = Flag(name="--no-cache-filter", example="build,test")


def parse_target(text: str) -> str:
    """Return the stage. Raises ``UsageError`` for a path."""
    return _stage(text, _TARGET)


def parse_stages(texts: Iterable[str]) -> tuple[str, ...]:
    """Parse texts that are comma lists each; empty names count for nothing. Raises ``UsageError``."""
    names = (name for text in texts for name in text.split(","))
    return tuple(_stage(name, _NO_CACHE) for name in names if name)


def _stage(text: str, flag: Flag) -> str:
    # A frontend for another builder's files may well have targets such as //image:all.
    if not text.startswith("//"):
        flag.refuse_path(text, "a stage")
    return text
