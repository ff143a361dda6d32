"""Functions of numbers and bools."""

from __future__ import annotations

import math

from router.bake.conversion import describe
from router.bake.functions.signature import ANY, NUMBERS, Builtin, Parameter, of, whole
from router.bake.numbers import as_integer, divide, exact, modulo
from router.bake.operators import add, multiply, negate, subtract
from router.bake.places import DefinitionFault
from router.bake.values import BOOL, Number, Value, same

__all__ = ["FUNCTIONS"]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TWO = (("a", NUMBERS), ("b", NUMBERS))
_LONGEST = 4000


def _least(*numbers: Number) -> Number:
    if not numbers:
        raise DefinitionFault("at least one number is needed")
    return min(numbers)


def _greatest(*numbers: Number) -> Number:
    if not numbers:
        raise DefinitionFault("at least one number is needed")
    return max(numbers)


def _truncated(number: Number) -> Number:
    return number if as_integer(number) is not None else math.trunc(exact(number))


def _floor(number: Number) -> Number:
    return number if isinstance(number, float) and math.isinf(number) else math.floor(number)


def _ceil(number: Number) -> Number:
    return number if isinstance(number, float) and math.isinf(number) else math.ceil(number)


def _log(number: Number, base: Number) -> Number:
    return _from_float(_ln(number) / _ln(base) if _ln(base) else math.inf)


def _ln(number: Number) -> float:
    if number < 0:
        raise DefinitionFault("a negative number has no logarithm")
    return math.log(number) if number else -math.inf


def _pow(number: Number, power: Number) -> Number:
    try:
        result = float(number) ** float(power)
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        return math.inf
    if isinstance(result, complex):
        raise DefinitionFault("the result is not a number")
    return _from_float(result)


def _from_float(value: float) -> Number:
    if math.isnan(value):
        raise DefinitionFault("the result is not a number")
    return value


def _signum(number: Number) -> Number:
    value = whole(number, "the number")
    return (value > 0) - (value < 0)


def _parse_int(text: Value, base: Number) -> Number:
    if not isinstance(text, str):
        raise DefinitionFault(f"the first argument must be a string, not {describe(text)}")
    radix = whole(base, "the base")
    if not 2 <= radix <= 62:
        raise DefinitionFault("the base must be a whole number between 2 and 62 inclusive")
    body = text[1:] if text[:1] in {"+", "-"} else text
    digits = body if radix > 36 else body.lower()
    values = [_DIGITS.find(each) for each in digits]
    if not digits or len(digits) > _LONGEST or not all(0 <= each < radix for each in values):
        raise DefinitionFault(f'"{text[:100]}" is not an integer of base {radix}')
    number = 0
    for each in values:
        number = number * radix + each
    return -number if text.startswith("-") else number


FUNCTIONS: dict[str, Builtin] = {
    "absolute": of(abs, ("num", NUMBERS)),
    "add": of(add, *_TWO),
    "subtract": of(subtract, *_TWO),
    "multiply": of(multiply, *_TWO),
    "divide": of(divide, *_TWO),
    "modulo": of(modulo, *_TWO),
    "negate": of(negate, ("num", NUMBERS)),
    "greaterthan": of(lambda a, b: a > b, *_TWO),
    "greaterthanorequalto": of(lambda a, b: a >= b, *_TWO),
    "lessthan": of(lambda a, b: a < b, *_TWO),
    "lessthanorequalto": of(lambda a, b: a <= b, *_TWO),
    "min": of(_least, rest=Parameter("numbers", NUMBERS)),
    "max": of(_greatest, rest=Parameter("numbers", NUMBERS)),
    "int": of(_truncated, ("num", NUMBERS)),
    "floor": of(_floor, ("num", NUMBERS)),
    "ceil": of(_ceil, ("num", NUMBERS)),
    "log": of(_log, ("num", NUMBERS), ("base", NUMBERS)),
    "pow": of(_pow, ("num", NUMBERS), ("power", NUMBERS)),
    "signum": of(_signum, ("num", NUMBERS)),
    "parseint": of(_parse_int, ("number", ANY), ("base", NUMBERS)),
    "and": of(lambda a, b: a and b, ("a", BOOL), ("b", BOOL)),
    "or": of(lambda a, b: a or b, ("a", BOOL), ("b", BOOL)),
    "not": of(lambda val: not val, ("val", BOOL)),
    "equal": Builtin(same, [Parameter("a", ANY, null=True), Parameter("b", ANY, null=True)]),
    "notequal": Builtin(
        lambda a, b: not same(a, b), [Parameter("a", ANY, null=True), Parameter("b", ANY, null=True)]
    ),
}
