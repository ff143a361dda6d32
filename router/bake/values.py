"""The values of HCL and their types.

A value is what Python has for it, where the type follows from it: ``str``, ``bool``, a number, a ``tuple``
for a tuple, a ``dict`` for an object. Where all elements have one type, which the elements of an empty
collection don't tell, it is a ``ListValue``, ``SetValue`` or ``MapValue``; ``Null`` knows its type too.
Values are never changed once they are made. The terms and rules are those of
https://github.com/hashicorp/hcl/blob/main/spec.md.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

__all__ = [
    "BOOL",
    "DYNAMIC",
    "NULL",
    "NUMBER",
    "STRING",
    "ListValue",
    "MapValue",
    "Null",
    "Number",
    "SetValue",
    "Type",
    "Value",
    "elements_of",
    "is_number",
    "list_of",
    "map_of",
    "normal_text",
    "object_of",
    "pairs_of",
    "same",
    "set_of",
    "tuple_of",
    "type_of",
]


class Type(NamedTuple):
    """A type: its kind, and what it is made of.

    ``elements`` is the one type of a collection's elements, each of a tuple's, or each attribute's of an
    object, whose ``names`` stand in order beside them; ``optional`` are the attributes that a value need not
    have.
    """

    kind: str
    elements: tuple[Type, ...] = ()
    names: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()

    @property
    def element(self) -> Type:
        """The type of a collection's elements."""
        return self.elements[0]

    @property
    def attributes(self) -> Mapping[str, Type]:
        """An object's attributes."""
        return dict(zip(self.names, self.elements, strict=True))

    @property
    def is_primitive(self) -> bool:
        """Whether it is a string, a number or a bool."""
        return self.kind in {"string", "number", "bool"}

    def __str__(self) -> str:
        if self.kind in {"list", "set", "map"}:
            return f"{self.kind} of {self.element}"
        return "any type" if self.kind == "dynamic" else self.kind


STRING = Type("string")
NUMBER = Type("number")
BOOL = Type("bool")
DYNAMIC = Type("dynamic")
"""The type of what has none yet: a bare ``null``, or any type as a constraint."""

Number: TypeAlias = int | float | Fraction
"""Whole, or with 53 bits (from outside), or with 512 bits (all others); see ``router.bake.numbers``."""


class Null(NamedTuple):
    """No value, of a type."""

    of: Type


class ListValue(NamedTuple):
    """Elements of one type, in order."""

    element: Type
    items: tuple[Value, ...]


class SetValue(NamedTuple):
    """Elements of one type, each once, in the order that HCL goes through them."""

    element: Type
    items: tuple[Value, ...]


class MapValue(NamedTuple):
    """Elements of one type by name."""

    element: Type
    items: Mapping[str, Value]


Value: TypeAlias = (
    str | bool | Number | tuple["Value", ...] | dict[str, "Value"] | ListValue | SetValue | MapValue | Null
)

NULL = Null(DYNAMIC)


def list_of(element: Type) -> Type:
    """Return the type of lists of an element."""
    return Type("list", (element,))


def set_of(element: Type) -> Type:
    """Return the type of sets of an element."""
    return Type("set", (element,))


def map_of(element: Type) -> Type:
    """Return the type of maps to an element."""
    return Type("map", (element,))


def tuple_of(elements: Iterable[Type]) -> Type:
    """Return the type of tuples with these elements."""
    return Type("tuple", tuple(elements))


def object_of(attributes: Mapping[str, Type], optional: Iterable[str] = ()) -> Type:
    """Return the type of objects with these attributes."""
    names = tuple(sorted(attributes))
    return Type("object", tuple(attributes[name] for name in names), names, frozenset(optional))


def type_of(value: Value) -> Type:
    """Return a value's type."""
    match value:
        case str():
            return STRING
        case bool():
            return BOOL
        case int() | float() | Fraction():
            return NUMBER
        case Null(of=of):
            return of
        case ListValue(element=element):
            return list_of(element)
        case MapValue(element=element):
            return map_of(element)
        case SetValue(element=element):
            return set_of(element)
        case dict():
            return object_of({name: type_of(each) for name, each in value.items()})
        case tuple():
            return tuple_of([type_of(each) for each in value])


def is_number(value: Value) -> bool:
    """Whether a value is a number; for Python a bool is one too."""
    return value.__class__ is not bool and isinstance(value, int | float | Fraction)


def elements_of(value: Value) -> Sequence[Value] | None:
    """Return the elements of a list, a set or a tuple; None for anything else."""
    if isinstance(value, ListValue | SetValue):
        return value.items
    return value if value.__class__ is tuple else None  # type: ignore[return-value]  # Null is a tuple for Python


def pairs_of(value: Value) -> Sequence[tuple[Value, Value]] | None:
    """Return what a ``for`` goes through: keys and elements in order; None for what can't be gone through."""
    if isinstance(value, MapValue):
        return [(name, value.items[name]) for name in sorted(value.items)]
    if isinstance(value, dict):
        return [(name, value[name]) for name in sorted(value)]
    if isinstance(value, SetValue):
        return [(each, each) for each in value.items]
    elements = elements_of(value)
    return None if elements is None else list(enumerate(elements))


def same(one: Value, other: Value) -> bool:
    """Whether two values are equal and of one type; numbers are equal by what they stand for."""
    if isinstance(one, str) or isinstance(other, str):
        return one.__class__ is other.__class__ and one == other
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if is_number(one) and is_number(other):
        return one == other
    if isinstance(one, Null) or isinstance(other, Null):
        return isinstance(one, Null) and isinstance(other, Null)
    return type_of(one) == type_of(other) and _same_elements(one, other)


def _same_elements(one: Value, other: Value) -> bool:
    first, second = pairs_of(one), pairs_of(other)
    if first is None or second is None or len(first) != len(second):
        return False
    return all(
        same(key, other_key) and same(each, other_each)
        for (key, each), (other_key, other_each) in zip(first, second, strict=True)
    )


def normal_text(text: str) -> str:
    """Return a text as all strings are kept: in Unicode's normal form C."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
