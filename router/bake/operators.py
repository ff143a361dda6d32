"""What operators, indexes and attributes do to values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router.bake.conversion import convert, describe
from router.bake.numbers import EXACT_BITS, as_integer, divide, exact, modulo, rounded
from router.bake.places import DefinitionFault, Place
from router.bake.values import (
    BOOL,
    NUMBER,
    STRING,
    MapValue,
    Null,
    Number,
    SetValue,
    Type,
    Value,
    elements_of,
    same,
)

__all__ = [
    "BINARY",
    "UNARY",
    "add",
    "attribute_of",
    "index_of",
    "multiply",
    "negate",
    "splat_items",
    "subtract",
]


def attribute_of(value: Value, name: str, place: Place) -> Value:
    """Return an attribute of an object, or a map's element."""
    if isinstance(value, dict):
        if name in value:
            return value[name]
        raise DefinitionFault(f'this object has no attribute named "{name}"', place)
    if isinstance(value, MapValue):
        if name in value.items:
            return value.items[name]
        raise DefinitionFault(f'this map has no element with the key "{name}"', place)
    if isinstance(value, Null):
        raise DefinitionFault("this value is null, so it has no attributes", place)
    if elements_of(value) is not None:
        raise DefinitionFault(
            f'a sequence has no attribute "{name}": an element has, such as [0].{name}',
            place,
        )
    raise DefinitionFault(f"{describe(value)} has no attributes", place)


def index_of(value: Value, key: Value, place: Place) -> Value:
    """Return an element by its index or its key."""
    if isinstance(value, Null):
        raise DefinitionFault("this value is null, so it has no indices", place)
    if isinstance(key, Null):
        raise DefinitionFault("null can't be an index", place)
    if isinstance(value, dict | MapValue):
        name = _converted(key, STRING, place)
        items = value.items if isinstance(value, MapValue) else value
        if name in items:
            return items[name]
        raise DefinitionFault(f'there is no element with the key "{name}"', place)
    if isinstance(value, SetValue):
        raise DefinitionFault("elements of a set have no index", place)
    elements = elements_of(value)
    if elements is None:
        raise DefinitionFault(f"{describe(value)} has no indices", place)
    number = as_integer(_converted(key, NUMBER, place))
    if number is None:
        raise DefinitionFault("the index of a sequence must be a whole number", place)
    if not 0 <= number < len(elements):
        have = f"{len(elements)} elements" if len(elements) != 1 else "1 element"
        raise DefinitionFault(f"there is no element {number}: the sequence has {have}", place)
    return elements[number]


def _converted(key: Value, want: Type, place: Place) -> Any:
    try:
        return convert(key, want)
    except DefinitionFault as fault:
        raise DefinitionFault(f"the index doesn't fit: {fault.message}", place) from None


def splat_items(source: Value, place: Place) -> Sequence[Value]:
    """Return what a splat goes through: a sequence's elements, a single value alone, or nothing for null."""
    elements = elements_of(source)
    if elements is not None:
        return elements
    if isinstance(source, Null):
        if source.of.kind in {"list", "set", "tuple"}:
            raise DefinitionFault("a splat (*) can't be applied to a sequence that is null", place)
        return ()
    return (source,)


def add(one: Number, other: Number) -> Number:
    """Return the sum."""
    return _arithmetic(one, other, lambda a, b: a + b)


def subtract(one: Number, other: Number) -> Number:
    """Return the difference."""
    return _arithmetic(one, other, lambda a, b: a - b)


def multiply(one: Number, other: Number) -> Number:
    """Return the product."""
    return _arithmetic(one, other, lambda a, b: a * b)


def negate(one: Number) -> Number:
    """Return the number with the other sign."""
    return -one


def _arithmetic(one: Number, other: Number, operate: Callable[[Any, Any], Any]) -> Number:
    if one.__class__ is int and other.__class__ is int:
        result: int = operate(one, other)
        if result.bit_length() <= EXACT_BITS:
            return result
    if isinstance(one, float) and isinstance(other, float):
        return operate(one, other)  # type: ignore[no-any-return]
    return rounded(operate(exact(one), exact(other)))


UNARY: Mapping[str, Callable[[Any], Value]] = {"-": negate, "!": lambda one: not one}

BINARY: Mapping[str, tuple[Type | None, Callable[[Any, Any], Value]]] = {
    "||": (BOOL, lambda one, other: one or other),
    "&&": (BOOL, lambda one, other: one and other),
    "==": (None, same),
    "!=": (None, lambda one, other: not same(one, other)),
    ">": (NUMBER, lambda one, other: one > other),
    ">=": (NUMBER, lambda one, other: one >= other),
    "<": (NUMBER, lambda one, other: one < other),
    "<=": (NUMBER, lambda one, other: one <= other),
    "+": (NUMBER, add),
    "-": (NUMBER, subtract),
    "*": (NUMBER, multiply),
    "/": (NUMBER, divide),
    "%": (NUMBER, modulo),
}
"""Each operator's type of operands, None where any will do, and what it does."""
