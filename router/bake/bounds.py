"""How much a definition may ask for.

A definition comes from a repository that may be anybody's. What takes time is counted in steps, what takes
memory in characters; a definition that needs more is refused, with the place where it had spent all.
"""

from __future__ import annotations

from router.bake.places import FinalFault, Place

__all__ = ["MOST_BYTES", "MOST_MATRIX", "Budget"]

MOST_BYTES = 16 << 20
"""Of a definition's files, each."""
MOST_MATRIX = 10_000
"""Targets that one matrix makes."""

_MOST_STEPS = 3_000_000
_MOST_CHARACTERS = 128 << 20


class Budget:
    """What is left of the steps and characters of one definition."""

    __slots__ = ("_characters", "_steps")

    def __init__(self, steps: int = _MOST_STEPS, characters: int = _MOST_CHARACTERS) -> None:
        self._steps = steps
        self._characters = characters

    def spend(self, steps: int, characters: int = 0, place: Place | None = None) -> None:
        """Take some. Raises ``DefinitionFault`` where there is not enough left."""
        self._steps -= steps
        self._characters -= characters
        if self._steps < 0:
            raise FinalFault("the definition takes too many steps to evaluate", place)
        if self._characters < 0:
            raise FinalFault("the definition's strings are too large", place)
