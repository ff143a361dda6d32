"""How much a definition may ask for.

A definition comes from a repository that may be anybody's. What takes time is counted in steps, what takes
memory in characters; a definition that needs more is refused, with the place where it had spent all.
"""

from __future__ import annotations

from router.bake.places import FinalFault, Place
from router.bake.values import ListValue, MapValue, SetValue, Value

__all__ = ["MOST_BYTES", "MOST_MATRIX", "Budget"]

MOST_BYTES = 4 << 20
"""Of a definition's files, each: a hundred bytes of memory for each of them, at most."""
MOST_MATRIX = 10_000
"""Targets that one matrix makes."""

_MOST_STEPS = 5_000_000
_MOST_CHARACTERS = 64 << 20


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

    def charge(self, value: Value, place: Place | None = None) -> None:
        """Take a step for everything that a value consists of: so long takes whatever looks at all of it.

        A part that stands in it several times counts as often, which is what makes few lines very much.
        """
        if value.__class__ is str:
            self.spend(1 + (len(value) >> 8), 0, place)
            return
        count = 0
        pending = [value]
        while pending and count <= self._steps:
            each = pending.pop()
            count += 1
            if isinstance(each, str):
                count += len(each) >> 8
            elif isinstance(each, MapValue):
                pending.extend(each.items.values())
            elif isinstance(each, ListValue | SetValue):
                pending.extend(each.items)
            elif isinstance(each, dict):
                pending.extend(each.values())
            elif each.__class__ in {tuple, list}:
                pending.extend(each)  # type: ignore[arg-type]  # it is no Null, which is a tuple for Python
        self.spend(count, 0, place)
