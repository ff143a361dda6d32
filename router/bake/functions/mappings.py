"""Functions of maps and objects."""

from __future__ import annotations

from collections.abc import Mapping

from router.bake.conversion import convert, describe
from router.bake.functions.signature import ANY, TEXT, Builtin, Parameter, of
from router.bake.places import DefinitionFault
from router.bake.values import (
    STRING,
    ListValue,
    MapValue,
    Null,
    SetValue,
    Value,
    elements_of,
    list_of,
    type_of,
)

__all__ = ["FUNCTIONS"]


def _items(value: Value) -> Mapping[str, Value]:
    if isinstance(value, MapValue):
        return value.items
    if isinstance(value, dict):
        return value
    raise DefinitionFault(f"a map or an object is required, not {describe(value)}")


def _keys(value: Value) -> Value:
    names = tuple(sorted(_items(value)))
    return ListValue(STRING, names) if isinstance(value, MapValue) else names


def _values(value: Value) -> Value:
    items = _items(value)
    found = tuple(items[name] for name in sorted(items))
    return ListValue(value.element, found) if isinstance(value, MapValue) else found


def _lookup(value: Value, key: str, default: Value) -> Value:
    items = _items(value)
    if key in items:
        return items[key]
    return convert(default, value.element) if isinstance(value, MapValue) else default


def _merge(*values: Value) -> Value:
    merged: dict[str, Value] = {}
    for each in values:
        if not isinstance(each, Null):
            merged.update(_items(each))
    first = values[0] if values else None
    if isinstance(first, MapValue) and all(type_of(each) == type_of(first) for each in values):
        return MapValue(first.element, merged)
    return merged


def _zipmap(keys: ListValue, values: Value) -> Value:
    elements = None if isinstance(values, SetValue) else elements_of(values)
    if elements is None:
        raise DefinitionFault("the values must be a list or a tuple")
    if len(keys.items) != len(elements):
        raise DefinitionFault(f"there are {len(keys.items)} keys and {len(elements)} values")
    if any(isinstance(each, Null) for each in keys.items):
        raise DefinitionFault("null can't be a key")
    made = {str(key): each for key, each in zip(keys.items, elements, strict=True)}
    return MapValue(values.element, made) if isinstance(values, ListValue) else made


FUNCTIONS: dict[str, Builtin] = {
    "keys": of(_keys, ("inputMap", ANY)),
    "values": of(_values, ("mapping", ANY)),
    "lookup": of(_lookup, ("inputMap", ANY), ("key", TEXT), ("default", ANY)),
    "merge": of(_merge, rest=Parameter("maps", ANY, null=True)),
    "zipmap": of(_zipmap, ("keys", list_of(STRING)), ("values", ANY)),
}
