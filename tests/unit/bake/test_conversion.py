"""Values of one type as another, and the type that several have in common."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from router.bake.conversion import convert, make_set, unify
from router.bake.places import DefinitionFault
from router.bake.values import (
    BOOL,
    DYNAMIC,
    NULL,
    NUMBER,
    STRING,
    ListValue,
    MapValue,
    Null,
    SetValue,
    Type,
    Value,
    list_of,
    map_of,
    object_of,
    set_of,
    tuple_of,
    type_of,
)


@pytest.mark.parametrize(
    ("value", "want", "made"),
    [
        (1, STRING, "1"),
        (True, STRING, "true"),
        ("1.5", NUMBER, 1.5),
        ("true", BOOL, True),
        ("0", BOOL, False),
        (("a", 1), list_of(STRING), ListValue(STRING, ("a", "1"))),
        (("b", "a", "b"), set_of(STRING), SetValue(STRING, ("a", "b"))),
        ({"a": 1}, map_of(STRING), MapValue(STRING, {"a": "1"})),
        (("1", "x"), tuple_of([NUMBER, STRING]), (1, "x")),
        ({"a": "1", "z": 0}, object_of({"a": NUMBER}), {"a": 1}),
        ({}, object_of({"a": STRING}, ["a"]), {"a": Null(STRING)}),
        (NULL, STRING, Null(STRING)),
        ((), list_of(DYNAMIC), ListValue(DYNAMIC, ())),
        ((1, "x"), list_of(DYNAMIC), ListValue(STRING, ("1", "x"))),
        ("x", DYNAMIC, "x"),
    ],
)
def test_a_value_becomes_one_of_another_type(value: Value, want: Type, made: Value) -> None:
    assert convert(value, want) == made


@pytest.mark.parametrize(
    ("value", "want", "why"),
    [
        ("x", NUMBER, "a number is required"),
        ("TRUE", BOOL, 'use lowercase "true"'),
        (("a",), STRING, "a string is required, and this is a tuple"),
        ("a", list_of(STRING), "a list of string is required"),
        (("a", ("b",)), list_of(STRING), "element 1"),
        ((1, 2), tuple_of([NUMBER]), "a tuple is required"),
        ({}, object_of({"a": STRING}), 'attribute "a" is required'),
        (Null(list_of(NUMBER)), STRING, "this is list of number"),
        ((1, {}), list_of(DYNAMIC), "same type"),
    ],
)
def test_a_value_that_has_no_such_form_is_refused(value: Value, want: Type, why: str) -> None:
    with pytest.raises(DefinitionFault, match=why):
        convert(value, want)


@pytest.mark.parametrize(
    ("types", "common"),
    [
        ([STRING, NUMBER], STRING),
        ([NUMBER, BOOL], None),
        ([STRING, DYNAMIC], STRING),
        ([list_of(NUMBER), list_of(STRING)], list_of(STRING)),
        ([tuple_of([STRING]), tuple_of([])], list_of(STRING)),
        ([tuple_of([STRING]), tuple_of([NUMBER])], tuple_of([STRING])),
        ([tuple_of([NUMBER]), list_of(NUMBER)], list_of(NUMBER)),
        ([object_of({"a": STRING}), object_of({"b": STRING})], map_of(STRING)),
        ([object_of({"a": NUMBER}), object_of({"a": STRING})], object_of({"a": STRING})),
        ([STRING, list_of(STRING)], None),
        ([tuple_of([]), object_of({})], None),
    ],
)
def test_types_have_one_in_common_or_none(types: Sequence[Type], common: Type | None) -> None:
    assert unify(types) == common


def test_a_set_has_each_element_once_in_order() -> None:
    assert make_set(NUMBER, [3, 1, 3, 2]).items == (1, 2, 3)
    assert make_set(STRING, ["b", "B", "a", "b"]).items == ("B", "a", "b")


def test_a_bool_is_no_number() -> None:
    assert type_of((True, 1)) == tuple_of([BOOL, NUMBER])
