"""HCL's numbers: binary floating point of 512 bits, as Go's ``big.Float`` has it.

A whole number is an ``int``, a number from outside of the definition (a variable of the environment) a
``float`` of 53 bits, any other a ``Fraction`` that was rounded to 512 bits. They are written without an
exponent, by the fewest digits that tell them from their neighbors.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from router.bake.places import DefinitionFault
from router.bake.values import Number

__all__ = [
    "EXACT_BITS",
    "as_integer",
    "divide",
    "exact",
    "format_number",
    "modulo",
    "parse_number",
    "rounded",
]

EXACT_BITS = 512
"""Whole numbers of so many bits are exact."""

_BITS_OF_FLOAT = 53
_MOST_BITS = 8192
"""Larger numbers are refused: they take time, and no definition needs them."""
_MOST_EXPONENT = 2400
_DECIMAL = r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?\Z"
_MOST_DIGITS = 4000


def parse_number(text: str) -> Number | None:
    """Return the number that a text stands for in HCL, None where it stands for none."""
    if text.isascii() and text.isdigit() and len(text) < 100:
        return int(text)
    match = re.match(_DECIMAL, text)
    if match is None or len(text) > _MOST_DIGITS:
        return None
    sign, whole, fraction, exponent = match.groups()
    fraction = fraction or ""
    if not whole and not fraction:
        return None
    power = int(exponent or 0) - len(fraction)
    if abs(power) > _MOST_EXPONENT:
        raise DefinitionFault(f"the number {text} is out of range")
    digits = int(whole + fraction)
    value = Fraction(digits * 10**power) if power >= 0 else Fraction(digits, 10**-power)
    return rounded(-value if sign == "-" else value)


def rounded(value: Fraction) -> Number:
    """Return the nearest number of 512 bits, an even one of two that are as near."""
    numerator, denominator = value.numerator, value.denominator
    if max(numerator.bit_length(), denominator.bit_length()) > 4 * _MOST_BITS:
        raise DefinitionFault("a number is out of range")
    if denominator == 1 and numerator.bit_length() <= EXACT_BITS:
        return numerator
    shift = EXACT_BITS - (abs(numerator).bit_length() - denominator.bit_length())
    # The mantissa has 512 or 513 bits at this shift; one less makes the latter right.
    for places in (shift, shift - 1):
        scaled = Fraction(numerator * (1 << places) if places >= 0 else numerator, denominator)
        if places < 0:
            scaled /= 1 << -places
        mantissa = round(scaled)  # half to even
        if abs(mantissa).bit_length() <= EXACT_BITS or abs(mantissa) == 1 << EXACT_BITS:
            break
    result = Fraction(mantissa, 1 << places) if places >= 0 else Fraction(mantissa * (1 << -places))
    if result.denominator == 1:
        if result.numerator.bit_length() > _MOST_BITS:
            raise DefinitionFault("a number is out of range")
        return result.numerator
    return result


def exact(value: Number) -> Fraction:
    """Return what a number stands for, exactly. An infinite one has no such thing."""
    if isinstance(value, float) and not math.isfinite(value):
        raise DefinitionFault("the number is infinite")
    return Fraction(value)


def divide(one: Number, other: Number) -> Number:
    """Return the quotient; that by zero is infinite."""
    if other == 0:
        if one == 0:
            raise DefinitionFault("can't divide zero by zero or infinity by infinity")
        return math.inf if one > 0 else -math.inf
    if math.inf in (abs(one), abs(other)):
        return float(one) / float(other)
    return rounded(exact(one) / exact(other))


def modulo(one: Number, other: Number) -> Number:
    """Return what is left of a division, with the sign of what is divided."""
    if other == 0:
        return one
    dividend, divisor = exact(one), exact(other)
    return rounded(dividend - divisor * math.trunc(exact(rounded(dividend / divisor))))


def as_integer(value: Number) -> int | None:
    """Return a whole number as such, None for any other."""
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value.numerator if value.denominator == 1 else None


def format_number(value: Number) -> str:
    """Write a number in decimal, without an exponent."""
    if isinstance(value, int) and abs(value) < 1 << EXACT_BITS:
        return str(value)
    if isinstance(value, float) and math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return _positional(*shortest_digits(value))


def shortest_digits(value: Number) -> tuple[bool, str, int]:
    """Return of a number whether it is negative, its fewest digits, and how many stand before the point."""
    bits = _BITS_OF_FLOAT if isinstance(value, float) else EXACT_BITS
    return _digits(Fraction(value), bits)


def _digits(value: Fraction, bits: int) -> tuple[bool, str, int]:
    """Return the sign, the fewest digits that only this number of so many bits is nearest to, and the
    point."""
    if value == 0:
        return False, "0", 1
    size = abs(value)
    # Half the distance to the next number on either side: of numbers of `bits` bits.
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if size < Fraction(2) ** exponent:
        exponent -= 1
    half = Fraction(2) ** (exponent - bits)
    point = _point(size)
    for count in range(1, bits):
        scale = Fraction(10) ** (count - point)
        nearest = round(size * scale)
        if abs(Fraction(nearest) / scale - size) <= half:
            digits = str(nearest)
            point += len(digits) - count
            return value < 0, digits.rstrip("0"), point
    raise AssertionError("every number has its own digits")


def _point(size: Fraction) -> int:
    """Return how many digits stand before the point (less than none for a small fraction)."""
    point = len(str(size.numerator)) - len(str(size.denominator))
    return point + 1 if size >= Fraction(10) ** point else point


def _positional(negative: bool, digits: str, point: int) -> str:
    if point <= 0:
        text = f"0.{'0' * -point}{digits}"
    elif point >= len(digits):
        text = digits + "0" * (point - len(digits))
    else:
        text = f"{digits[:point]}.{digits[point:]}"
    return f"-{text}" if negative else text
