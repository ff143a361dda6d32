"""Functions of sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from router.bake.conversion import convert, identity, make_list, make_set, unify
from router.bake.functions.signature import ANY, Builtin, Parameter, of
from router.bake.places import DefinitionFault
from router.bake.values import DYNAMIC, SetValue, Value, elements_of, same, set_of, tuple_of, type_of

__all__ = ["FUNCTIONS"]

_ANY_SET = set_of(DYNAMIC)
_MOST_OF_PRODUCT = 100_000


def _has(values: SetValue, wanted: Value) -> bool:
    return any(same(each, wanted) for each in values.items)


def _kept(one: SetValue, other: SetValue, *, present: bool) -> list[Value]:
    """Return the elements of one set that are in the other, or are not."""
    known = {identity(each) for each in other.items}
    return [each for each in one.items if (identity(each) in known) is present]


def _common(sets: Sequence[SetValue]) -> list[SetValue]:
    """Return the sets with one type of elements."""
    kinds = [each.element for each in sets if each.items or each.element != DYNAMIC]
    common = unify(kinds) if kinds else DYNAMIC
    if common is None:
        raise DefinitionFault("the sets have no common type of elements")
    return [make_set(common, [convert(one, common) for one in each.items]) for each in sets]


def _folded(keep: Callable[[SetValue, SetValue], Sequence[Value]]) -> Callable[..., Value]:
    def work(first: SetValue, *others: SetValue) -> Value:
        result, *rest = _common([first, *others])
        for each in rest:
            result = make_set(result.element, keep(result, each))
        return result

    return work


def _product(*values: Value) -> Value:
    if len(values) < 2:
        raise DefinitionFault("at least two arguments are required")
    groups: list[Sequence[Value]] = []
    size = 1
    for each in values:
        elements = elements_of(each)
        if elements is None:
            raise DefinitionFault("a set or a list is required")
        size *= len(elements)
        if size > _MOST_OF_PRODUCT:
            raise DefinitionFault(f"the product would have more than {_MOST_OF_PRODUCT} elements")
        kind = unify([type_of(one) for one in elements]) if elements else DYNAMIC
        if kind is None:
            raise DefinitionFault("all elements must be of the same type")
        groups.append([convert(one, kind) for one in elements])
    pairs = list(product(*groups))
    kind = tuple_of([type_of(each[0]) if each else DYNAMIC for each in groups])
    return (
        make_set(kind, pairs)
        if any(isinstance(each, SetValue) for each in values)
        else make_list(kind, pairs)
    )


_SETS = (("first_set", _ANY_SET),)
_REST = Parameter("other_sets", _ANY_SET)
FUNCTIONS: dict[str, Builtin] = {
    "sethaselement": of(_has, ("set", _ANY_SET), ("elem", ANY)),
    "setunion": of(_folded(lambda one, other: [*one.items, *other.items]), *_SETS, rest=_REST),
    "setintersection": of(_folded(lambda one, other: _kept(one, other, present=True)), *_SETS, rest=_REST),
    "setsubtract": of(
        _folded(lambda one, other: _kept(one, other, present=False)),
        ("a", _ANY_SET),
        ("b", _ANY_SET),
    ),
    "setsymmetricdifference": of(
        _folded(lambda one, other: [*_kept(one, other, present=False), *_kept(other, one, present=False)]),
        *_SETS,
        rest=_REST,
    ),
    "setproduct": of(_product, rest=Parameter("sets", ANY)),
}
