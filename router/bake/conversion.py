"""How a value of one type becomes one of another, and the one type that several types can become.

The rules are those of HCL: a number or a bool becomes a string, and back if it reads as one; a tuple becomes
a list, an object a map, where all their elements can become one type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from router.bake.numbers import format_number, parse_number
from router.bake.places import DefinitionFault
from router.bake.values import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    ListValue,
    MapValue,
    Null,
    Number,
    SetValue,
    Type,
    Value,
    elements_of,
    is_number,
    list_of,
    map_of,
    object_of,
    pairs_of,
    tuple_of,
    type_of,
)

__all__ = [
    "convert",
    "describe",
    "each_once",
    "identity",
    "make_list",
    "make_map",
    "make_set",
    "sort_key",
    "unify",
]

_SEQUENCES = frozenset({"list", "set", "tuple"})
_MAPPINGS = frozenset({"map", "object"})
_PRIMITIVES = frozenset({"string", "number", "bool"})
_TEXTS = {"true": True, "1": True, "false": False, "0": False}


def convert(value: Value, want: Type) -> Value:
    """Return a value as one of another type. Raises ``DefinitionFault`` where there is no such value."""
    kind = want.kind
    if kind == "dynamic":
        return value
    if isinstance(value, Null):
        if not _is_convertible(value.of.kind, kind):
            raise DefinitionFault(f"a {want} is required, and this is {value.of}")
        return Null(want)
    if kind == "string":
        return _as_string(value)
    if kind == "number":
        return _as_number(value)
    if kind == "bool":
        return _as_bool(value)
    return _as_compound(value, want)


def _is_convertible(kind: str, want: str) -> bool:
    """Whether there are values of one kind that can become another, which is all that a null has."""
    if kind in {"dynamic", want}:
        return True
    if kind in _PRIMITIVES and want in _PRIMITIVES:
        return "string" in {kind, want}
    return (
        {kind, want} <= _SEQUENCES - {"tuple"}
        or (kind == "tuple" and want in _SEQUENCES)
        or {kind, want} == _MAPPINGS
    )


def _as_string(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return format_number(value)  # type: ignore[arg-type]  # is_number says so
    raise _wanted(STRING, value)


def _as_number(value: Value) -> Number:
    if is_number(value):
        return value  # type: ignore[return-value]  # is_number says so
    if isinstance(value, str):
        number = parse_number(value)
        if number is not None:
            return number
    raise _wanted(NUMBER, value)


def _as_bool(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value in _TEXTS:
            return _TEXTS[value]
        lower = value.lower()
        if lower in {"true", "false"}:
            raise DefinitionFault(f'a bool is required; to convert from string, use lowercase "{lower}"')
    raise _wanted(BOOL, value)


def _as_compound(value: Value, want: Type) -> Value:
    match want.kind:
        case "list":
            found = elements_of(value)
            if found is not None:
                return make_list(want.element, _converted(found, want.element))
        case "set":
            found = elements_of(value)
            if found is not None:
                return make_set(want.element, _converted(found, want.element))
        case "map":
            attributes = _attributes(value)
            if attributes is not None:
                elements = _converted(list(attributes.values()), want.element)
                return make_map(want.element, dict(zip(attributes, elements, strict=True)))
        case "object":
            attributes = _attributes(value)
            if attributes is not None:
                return _as_object(attributes, want)
        case "tuple":
            parts = None if isinstance(value, ListValue | SetValue) else elements_of(value)
            if parts is not None and len(parts) == len(want.elements):
                return tuple(convert(each, kind) for each, kind in zip(parts, want.elements, strict=True))
    raise _wanted(want, value)


def _attributes(value: Value) -> Mapping[str, Value] | None:
    if isinstance(value, dict):
        return value
    return value.items if isinstance(value, MapValue) else None


def _converted(values: Sequence[Value], element: Type) -> list[Value]:
    if element.kind == "dynamic":
        element = _common([type_of(each) for each in values])
    found: list[Value] = []
    for number, each in enumerate(values):
        try:
            found.append(convert(each, element))
        except DefinitionFault as fault:
            raise DefinitionFault(f"element {number}: {fault.message}") from None
    return found


def _as_object(attributes: Mapping[str, Value], want: Type) -> Value:
    made: dict[str, Value] = {}
    for name, kind in want.attributes.items():
        if name in attributes:
            made[name] = convert(attributes[name], kind)
        elif name in want.optional:
            made[name] = Null(kind)
        else:
            raise DefinitionFault(f'attribute "{name}" is required')
    return made


def make_list(element: Type, values: Iterable[Value]) -> ListValue:
    """Return a list; where any element will do, its type is that of those there are."""
    items = tuple(values)
    return ListValue(_element(element, items), items)


def make_set(element: Type, values: Iterable[Value]) -> SetValue:
    """Return a set: each element once, in order."""
    items = tuple(sorted(each_once(values), key=sort_key))
    return SetValue(_element(element, items), items)


def each_once(values: Iterable[Value]) -> list[Value]:
    """Return values without those that are the same as an earlier one."""
    kept: dict[object, Value] = {}
    for each in values:
        kept.setdefault(identity(each), each)
    return list(kept.values())


def identity(value: Value) -> object:
    """Return what is equal for values that are the same, and for no others; it can be a key of a dict."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, Null):
        return ("null",)
    if is_number(value):
        return ("number", value)
    pairs = pairs_of(value) or ()
    return (type_of(value), tuple((identity(key), identity(each)) for key, each in pairs))


def make_map(element: Type, values: Mapping[str, Value]) -> MapValue:
    """Return a map; where any element will do, its type is that of those there are."""
    return MapValue(_element(element, tuple(values.values())), values)


def sort_key(value: Value) -> tuple[int, object]:
    """Return what elements of a set are sorted by."""
    if isinstance(value, Null):
        return (2, "")
    if isinstance(value, str):
        return (1, value.encode())
    return (0, value) if is_number(value) or isinstance(value, bool) else (1, repr(value).encode())


def _element(element: Type, items: Sequence[Value]) -> Type:
    if items and (element.kind == "dynamic" or element.elements):
        return type_of(items[0])
    return element


def _common(types: Sequence[Type]) -> Type:
    if not types:
        return DYNAMIC
    found = unify(types)
    if found is None:
        raise DefinitionFault("all elements must have the same type")
    return found


def _wanted(want: Type, value: Value) -> DefinitionFault:
    article = "an" if want.kind == "object" else "a"
    return DefinitionFault(f"{article} {want} is required, and this is {describe(value)}")


def describe(value: Value) -> str:
    """Return what kind of value it is, for a message."""
    if isinstance(value, Null):
        return "null"
    if isinstance(value, str) and len(value) <= 40:
        return f'the string "{value}"'
    kind = type_of(value)
    return f"{'an' if kind.kind == 'object' else 'a'} {kind}"


def unify(types: Sequence[Type]) -> Type | None:
    """Return the type that values of all these types can become, None where there is none."""
    if not types:
        return None
    first = types[0]
    if all(each == first for each in types[1:]):
        return first
    known = [each for each in types if each.kind != "dynamic"]
    kinds = {each.kind for each in known}
    if not kinds <= _PRIMITIVES:
        return _unify_compound(known, kinds) if len(known) == len(types) else None
    if len(known) < len(types):
        return None if not known else _preferred(known)
    return _preferred(known)


def _preferred(types: Sequence[Type]) -> Type | None:
    kinds = {each.kind for each in types}
    if len(kinds) == 1:
        return types[0]
    # A string is what all of them can become; a number and a bool have nothing else in common.
    return STRING if "string" in kinds else None


def _unify_compound(types: Sequence[Type], kinds: set[str]) -> Type | None:
    if len(kinds) == 1 and kinds <= {"list", "set", "map"}:
        element = unify([each.element for each in types])
        return None if element is None else Type(types[0].kind, (element,))
    if kinds == {"tuple"}:
        return _unify_tuples(types)
    if kinds == {"object"}:
        return _unify_objects(types)
    if kinds == {"list", "tuple"}:
        return _unify_all(types, "list")
    if kinds == _MAPPINGS:
        return _unify_all(types, "map")
    if kinds == {"set", "list"} or (kinds <= _SEQUENCES and "set" in kinds):
        return _unify_all(types, "list" if "list" in kinds else "set")
    return None


def _unify_tuples(types: Sequence[Type]) -> Type | None:
    if len({len(each.elements) for each in types}) == 1:
        elements = [unify(each) for each in zip(*(each.elements for each in types), strict=True)]
        if all(each is not None for each in elements):
            return tuple_of([each for each in elements if each is not None])
        return None
    return _unify_all(types, "list")


def _unify_objects(types: Sequence[Type]) -> Type | None:
    if len({each.names for each in types}) == 1:
        elements = [unify(each) for each in zip(*(each.elements for each in types), strict=True)]
        if all(each is not None for each in elements):
            found = [each for each in elements if each is not None]
            return object_of(dict(zip(types[0].names, found, strict=True)))
        return None
    return _unify_all(types, "map")


def _unify_all(types: Sequence[Type], kind: str) -> Type | None:
    element = unify([one for each in types for one in each.elements])
    if element is None:
        return None
    return (
        list_of(element) if kind == "list" else map_of(element) if kind == "map" else Type(kind, (element,))
    )
