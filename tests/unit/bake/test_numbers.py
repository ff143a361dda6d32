"""Numbers of 512 bits: parsed, rounded, written."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.bake.numbers import as_integer, divide, exact, format_number, modulo, parse_number, rounded
from router.bake.places import DefinitionFault


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0", "0"),
        ("1.50", "1.5"),
        ("-0.25", "-0.25"),
        ("1e3", "1000"),
        ("1e-7", "0.0000001"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+7", "7"),
        ("0.1", "0.1"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1e40", "1" + "0" * 40),
    ],
)
def test_a_number_is_written_in_decimal_by_the_fewest_digits(text: str, written: str) -> None:
    number = parse_number(text)

    assert number is not None
    assert format_number(number) == written


@pytest.mark.parametrize("text", ["", ".", "e3", "1e", "0x10", "1_000", "inf", "nan", "1 ", "--1"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize("text", ["1e9999", "1e-9999", "1e999999"])
def test_a_number_that_would_take_long_is_refused(text: str) -> None:
    with pytest.raises(DefinitionFault, match="out of range"):
        parse_number(text)


def test_a_third_has_as_many_digits_as_512_bits_tell() -> None:
    assert format_number(divide(1, 3)) == "0." + "3" * 154 + "5"


def test_a_number_from_outside_keeps_its_53_bits() -> None:
    assert format_number(0.1) == "0.1"
    assert format_number(1e-7) == "0.0000001"
    assert format_number(2.0) == "2"


@pytest.mark.parametrize(("one", "other", "rest"), [(7, 3, 1), (-7, 3, -1), (7, -3, 1), (5, 0, 5)])
def test_what_is_left_of_a_division_has_the_sign_of_what_was_divided(one: int, other: int, rest: int) -> None:
    assert modulo(one, other) == rest


def test_a_division_by_zero_is_infinite_and_that_of_zero_is_refused() -> None:
    assert format_number(divide(1, 0)) == "+Inf"
    assert format_number(divide(-1, 0)) == "-Inf"
    with pytest.raises(DefinitionFault, match="zero"):
        divide(0, 0)
    with pytest.raises(DefinitionFault, match="infinite"):
        exact(divide(1, 0))


@given(st.fractions(max_denominator=10**9))
def test_what_is_written_reads_as_the_same_number(value: Fraction) -> None:
    number = rounded(value)

    assert parse_number(format_number(number)) == number


@given(st.integers(min_value=-(10**100), max_value=10**100))
def test_a_whole_number_stays_as_it_is(value: int) -> None:
    assert rounded(Fraction(value)) == value
    assert as_integer(Fraction(value)) == value
    assert format_number(value) == str(value)
