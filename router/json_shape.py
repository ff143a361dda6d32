"""The part of a stranger's JSON that has the types it should have. Pure.

Who looks deep into an object says once what it looks for, and then needs no check at any level: what has
another type is left out, as if it had not been sent, and what is not looked for is not kept in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["ANY", "Shape", "shaped"]

ANY = "*"
"""The key of a shape's object that stands for every key."""

Shape = type | Sequence["Shape"] | Mapping[str, "Shape"]
"""``str``, ``int``, ``bool``; ``object`` for anything; ``[shape]`` for an array; ``{key: shape}``."""


def shaped(value: object, shape: Shape) -> Any:
    """Return what of ``value`` fits the shape, None where nothing does.

    An object has those keys alone that the shape names, an array those elements that fit. Null is as left
    out. The shape bounds how deep this goes.
    """
    if isinstance(shape, type):
        return value if _is(value, shape) else None
    if isinstance(shape, Mapping):
        return _object(value, shape) if isinstance(value, dict) else None
    if not isinstance(value, list):
        return None
    found = (shaped(each, shape[0]) for each in value)
    return [each for each in found if each is not None]


def _is(value: object, kind: type) -> bool:
    # True is an int for Python, and for nobody else.
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _object(value: Mapping[str, object], shape: Mapping[str, Shape]) -> dict[str, Any]:
    if ANY in shape:
        found = {name: shaped(each, shape[ANY]) for name, each in value.items()}
    else:
        found = {name: shaped(value[name], each) for name, each in shape.items() if name in value}
    return {name: each for name, each in found.items() if each is not None}
