"""Functions of lists and tuples."""

from __future__ import annotations

from collections.abc import Sequence

from router.bake.conversion import convert, describe, each_once, make_list, unify
from router.bake.functions.signature import ANY, NUMBERS, Builtin, Parameter, of, whole
from router.bake.numbers import as_integer
from router.bake.operators import add
from router.bake.places import DefinitionFault
from router.bake.values import (
    DYNAMIC,
    NUMBER,
    STRING,
    ListValue,
    MapValue,
    Null,
    Number,
    SetValue,
    Value,
    elements_of,
    is_number,
    list_of,
    same,
    type_of,
)

__all__ = ["FUNCTIONS"]

_ANY_LIST = list_of(DYNAMIC)
_MOST_OF_RANGE = 1024
_DEEPEST = 100


def _length(value: Value) -> Number:
    if isinstance(value, MapValue):
        return len(value.items)
    elements = elements_of(value)
    if elements is None:
        raise DefinitionFault(f"a list, a map or a tuple is required, not {describe(value)}")
    return len(elements)


def _sequence(value: Value, what: str = "a list or a tuple is required") -> Sequence[Value]:
    elements = None if isinstance(value, SetValue) else elements_of(value)
    if elements is None:
        raise DefinitionFault(f"{what}, not {describe(value)}")
    return elements


def _element(value: Value, index: Number) -> Value:
    elements = _sequence(value)
    number = whole(index, "the index")
    if not elements:
        raise DefinitionFault("an empty list has no elements")
    return elements[number % len(elements)]


def _has_index(value: Value, key: Value) -> Value:
    if isinstance(value, MapValue):
        return isinstance(key, str) and key in value.items
    elements = _sequence(value, "a list, a map or a tuple is required")
    number = as_integer(key) if is_number(key) else None  # type: ignore[arg-type]  # is_number says so
    return number is not None and 0 <= number < len(elements)


def _index(value: Value, key: Value) -> Value:
    if _has_index(value, key) is not True:
        raise DefinitionFault("there is no element with this index")
    if isinstance(value, MapValue):
        return value.items[str(key)]
    return _sequence(value)[as_integer(key) or 0]  # type: ignore[arg-type]  # _has_index says so


def _index_of(value: Value, wanted: Value) -> Number:
    elements = _sequence(value)
    if not elements:
        raise DefinitionFault("an empty list can't be searched")
    for number, each in enumerate(elements):
        if same(each, wanted):
            return number
    raise DefinitionFault("the item was not found")


def _contains(value: Value, wanted: Value) -> bool:
    elements = elements_of(value)
    if elements is None:
        raise DefinitionFault(f"a list, a tuple or a set is required, not {describe(value)}")
    return any(same(each, wanted) for each in elements)


def _compact(texts: ListValue) -> Value:
    return ListValue(STRING, tuple(each for each in texts.items if each and not isinstance(each, Null)))


def _distinct(values: ListValue) -> Value:
    return ListValue(values.element, tuple(each_once(values.items)))


def _chunks(values: ListValue, size: Number) -> Value:
    count = whole(size, "the size")
    if count < 0:
        raise DefinitionFault("the size must be positive")
    kind = type_of(values)
    if not values.items:
        return ListValue(kind, ())
    step = count or len(values.items)
    starts = range(0, len(values.items), step)
    return ListValue(
        kind, tuple(ListValue(values.element, values.items[each : each + step]) for each in starts)
    )


def _flatten(value: Value) -> Value:
    elements = elements_of(value)
    if elements is None:
        raise DefinitionFault(f"only lists, sets and tuples can be flattened, not {describe(value)}")
    return tuple(_flat(elements, _DEEPEST))


def _flat(elements: Sequence[Value], depth: int) -> list[Value]:
    if not depth:
        raise DefinitionFault("the list is nested too deeply")
    made: list[Value] = []
    for each in elements:
        inner = elements_of(each)
        if inner is None:
            made.append(each)
        else:
            made.extend(_flat(inner, depth - 1))
    return made


def _concat(*values: Value) -> Value:
    if not values:
        raise DefinitionFault("at least one argument is required")
    elements = [_sequence(each) for each in values]
    joined = [one for each in elements for one in each]
    if all(isinstance(each, ListValue) for each in values):
        common = unify([type_of(each) for each in values])
        if common is not None:
            return make_list(common.element, [convert(each, common.element) for each in joined])
    return tuple(joined)


def _coalesce(*values: Value) -> Value:
    common = unify([type_of(each) for each in values])
    if common is None:
        raise DefinitionFault("all arguments must have the same type")
    for each in values:
        if not isinstance(each, Null):
            return convert(each, common)
    raise DefinitionFault("all arguments are null")


def _coalesce_list(*values: Value) -> Value:
    for each in values:
        if not isinstance(each, Null) and _sequence(each, "the arguments must be lists or tuples"):
            return each
    raise DefinitionFault(
        "all arguments are null or empty" if values else "at least one argument is required"
    )


def _slice(value: Value, start: Number, end: Number) -> Value:
    elements = _sequence(value)
    begin, stop = whole(start, "the start index"), whole(end, "the end index")
    if not 0 <= begin <= stop <= len(elements):
        raise DefinitionFault(f"from {begin} to {stop} is no part of a list of {len(elements)}")
    kept = tuple(elements[begin:stop])
    return ListValue(value.element, kept) if isinstance(value, ListValue) else kept


def _reversed(value: Value) -> Value:
    elements = elements_of(value)
    if elements is None:
        raise DefinitionFault(f"only a list or a tuple can be reversed, not {describe(value)}")
    turned = tuple(reversed(elements))
    return ListValue(value.element, turned) if isinstance(value, ListValue | SetValue) else turned


def _range(*given: Number) -> Value:
    if not 1 <= len(given) <= 3:
        raise DefinitionFault("range takes one, two or three arguments")
    start, end = (0, given[0]) if len(given) == 1 else (given[0], given[1])
    step: Number = given[2] if len(given) == 3 else -1 if end < start else 1
    if step == 0:
        raise DefinitionFault("the step must not be zero")
    if (step < 0 and end > start) or (step > 0 and end < start):
        raise DefinitionFault("the step leads away from the end")
    made: list[Value] = []
    number: Number = start
    while number > end if step < 0 else number < end:
        if len(made) >= _MOST_OF_RANGE:
            raise DefinitionFault(f"range would make more than {_MOST_OF_RANGE} numbers")
        made.append(number)
        number = add(number, step)
    return ListValue(NUMBER, tuple(made))


_VALUES = Parameter("vals", ANY, null=True)
FUNCTIONS: dict[str, Builtin] = {
    "length": of(_length, ("collection", ANY)),
    "element": of(_element, ("list", ANY), ("index", NUMBERS)),
    "hasindex": of(_has_index, ("collection", ANY), ("key", ANY)),
    "index": of(_index, ("collection", ANY), ("key", ANY)),
    "indexof": of(_index_of, ("list", ANY), ("value", ANY)),
    "contains": of(_contains, ("list", ANY), ("value", ANY)),
    "compact": of(_compact, ("list", list_of(STRING))),
    "distinct": of(_distinct, ("list", _ANY_LIST)),
    "chunklist": of(_chunks, ("list", _ANY_LIST), ("size", NUMBERS)),
    "flatten": of(_flatten, ("list", ANY)),
    "concat": of(_concat, rest=Parameter("seqs", ANY)),
    "coalesce": of(_coalesce, rest=_VALUES),
    "coalescelist": of(_coalesce_list, rest=_VALUES),
    "slice": of(_slice, ("list", ANY), ("start_index", NUMBERS), ("end_index", NUMBERS)),
    "reverselist": of(_reversed, ("list", ANY)),
    "range": of(_range, rest=Parameter("params", NUMBERS)),
}
