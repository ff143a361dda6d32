"""``format`` and ``formatlist``: verbs as in Go's ``fmt``, for the values that HCL has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from router.bake.clusters import clusters
from router.bake.conversion import convert
from router.bake.functions.signature import ANY, TEXT, Builtin, Parameter
from router.bake.json_values import encode_json, encode_text
from router.bake.numbers import as_integer, exact, shortest_digits
from router.bake.places import DefinitionFault
from router.bake.values import (
    BOOL,
    NUMBER,
    STRING,
    ListValue,
    Null,
    Number,
    Value,
    elements_of,
    is_number,
    normal_text,
)

__all__ = ["FUNCTIONS"]

_VERB = re.compile(r"%(?:(%)|([0#\-+ ]*)([1-9]\d*)?(?:(\.)(\d*))?(?:\[([1-9]\d*)\])?([a-zA-Z]))")
_WIDEST = 4096
_INTEGERS = {"b": "b", "d": "d", "o": "o", "x": "x", "X": "X"}
_PREFIXES = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}


class _Verb(NamedTuple):
    raw: str
    flags: str
    width: int
    precision: int | None
    mode: str


def _format(template: str, *values: Value) -> str:
    made: list[str] = []
    position, next_value, highest = 0, 1, 0
    while (percent := template.find("%", position)) >= 0:
        made.append(template[position:percent])
        match = _VERB.match(template, percent)
        if match is None:
            raise DefinitionFault(f"there is no valid verb at offset {percent} of the format")
        position = match.end()
        if match[1]:
            made.append("%")
            continue
        number = int(match[6]) if match[6] and len(match[6]) < 6 else next_value
        highest, next_value = max(highest, number), number + 1
        if number > len(values):
            raise DefinitionFault(f'there is no argument {number} for "{match[0]}": there are {len(values)}')
        made.append(_formatted(_verb(match), values[number - 1]))
    made.append(template[position:])
    if highest < len(values):
        raise DefinitionFault(f"there are {len(values)} arguments, and the format uses {highest}")
    return normal_text("".join(made))


def _verb(match: re.Match[str]) -> _Verb:
    width = int(match[3] or 0) if len(match[3] or "") < 6 else _WIDEST + 1
    precision = (int(match[5] or 0) if len(match[5] or "") < 6 else _WIDEST + 1) if match[4] else None
    if max(width, precision or 0) > _WIDEST:
        raise DefinitionFault(f'"{match[0]}" is wider than {_WIDEST} characters')
    return _Verb(match[0], match[2], width, precision, match[7])


def _formatted(verb: _Verb, value: Value) -> str:
    if verb.mode == "v":
        return _padded(verb, _as_it_is(verb, value))
    if isinstance(value, Null):
        raise DefinitionFault(f'null can\'t be formatted by "{verb.raw}"')
    try:
        if verb.mode == "t":
            return "true" if convert(value, BOOL) else "false"
        if verb.mode in {"s", "q"}:
            return _text(verb, str(convert(value, STRING)))
        if verb.mode in "bdoxXeEfgG":
            return _number(verb, convert(value, NUMBER))
    except DefinitionFault as fault:
        raise DefinitionFault(f'the value doesn\'t fit "{verb.raw}": {fault.message}') from None
    raise DefinitionFault(f'"{verb.raw}" is no verb')


def _as_it_is(verb: _Verb, value: Value) -> str:
    if "#" not in verb.flags:
        if isinstance(value, str):
            return value
        if is_number(value):
            return _general(value, None, "e")  # type: ignore[arg-type]  # is_number says so
    return encode_json(value)


def _padded(verb: _Verb, text: str) -> str:
    missing = verb.width - len(clusters(text))
    if missing <= 0:
        return text
    padding = ("0" if "0" in verb.flags else " ") * missing
    return text + padding if "-" in verb.flags else padding + text


def _text(verb: _Verb, text: str) -> str:
    if verb.precision:
        text = "".join(clusters(text)[: verb.precision])
    return _padded(verb, encode_text(text) if verb.mode == "q" else text)


def _number(verb: _Verb, value: Value) -> str:
    if not is_number(value):
        raise DefinitionFault("a number is required")
    number: Number = value  # type: ignore[assignment]  # is_number says so
    if verb.mode in _INTEGERS:
        whole = as_integer(number)
        if whole is None:
            raise DefinitionFault("an integer is required")
        digits = f"{abs(whole):{_INTEGERS[verb.mode]}}"
        if verb.precision is not None:
            digits = digits.rjust(verb.precision, "0") if verb.precision or whole else ""
        prefix = _PREFIXES.get(verb.mode, "") if "#" in verb.flags else ""
        return _signed(verb, whole < 0, prefix, digits, zeros=verb.precision is None)
    mode = verb.mode.lower()
    precision = verb.precision if verb.precision is not None else None if mode == "g" else 6
    letter = "E" if verb.mode.isupper() else "e"
    size: Number = -number if number < 0 else number
    if mode == "f":
        text = _fixed(size, precision or 0)
    elif mode == "e":
        text = _scientific(size, precision or 0, letter)
    else:
        text = _general(size, precision, letter)
    return _signed(verb, number < 0, "", text, zeros=True)


def _signed(verb: _Verb, negative: bool, prefix: str, digits: str, *, zeros: bool) -> str:
    sign = "-" if negative else "+" if "+" in verb.flags else " " if " " in verb.flags else ""
    missing = verb.width - len(sign) - len(prefix) - len(digits)
    if missing <= 0:
        return sign + prefix + digits
    if "-" in verb.flags:
        return sign + prefix + digits + " " * missing
    if "0" in verb.flags and zeros:
        return sign + prefix + "0" * missing + digits
    return " " * missing + sign + prefix + digits


def _fixed(size: Number, precision: int) -> str:
    digits = str(round(exact(size) * 10**precision)).rjust(precision + 1, "0")
    return f"{digits[:-precision]}.{digits[-precision:]}" if precision else digits


def _scientific(size: Number, precision: int, letter: str) -> str:
    value = exact(size)
    if not value:
        return f"{_fraction('0' * (precision + 1))}{letter}+00"
    _, _, point = shortest_digits(size)
    exponent = point - 1
    digits = str(
        round(value * 10**precision / 10**exponent if exponent >= 0 else value * 10 ** (precision - exponent))
    )
    if len(digits) > precision + 1:  # 9.99 became 10.0
        digits, exponent = digits[:-1], exponent + 1
    return f"{_fraction(digits)}{_exponent(exponent, letter)}"


def _general(size: Number, precision: int | None, letter: str) -> str:
    negative, digits, point = shortest_digits(size)
    limit = 6
    if precision is not None:
        limit = precision or 1
        if len(digits) > limit:
            text = _scientific(-size if size < 0 else size, limit - 1, "e")
            mantissa, _, exponent = text.partition("e")
            digits, point = mantissa.replace(".", "").rstrip("0") or "0", int(exponent) + 1
        if limit > len(digits) >= point:
            limit = len(digits)
    sign = "-" if negative else ""
    if point - 1 < -4 or point - 1 >= limit:
        return f"{sign}{_fraction(digits)}{_exponent(point - 1, letter)}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    whole, rest = digits[:point].ljust(point, "0"), digits[point:]
    return f"{sign}{whole}.{rest}" if rest else f"{sign}{whole}"


def _fraction(digits: str) -> str:
    return f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits


def _exponent(exponent: int, letter: str) -> str:
    return f"{letter}{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _format_list(template: str, *values: Value) -> Value:
    lengths = {len(each) for value in values if (each := elements_of(value)) is not None}
    if len(lengths) > 1:
        raise DefinitionFault("the lists have different lengths")
    count = lengths.pop() if lengths else 1
    columns: list[Sequence[Value]] = []
    for value in values:
        elements = elements_of(value)
        columns.append([value] * count if elements is None else elements)
    rows = zip(*columns, strict=True) if columns else [()]
    return ListValue(STRING, tuple(_format(template, *row) for row in rows))


_VALUES = Parameter("args", ANY, null=True)
FUNCTIONS: dict[str, Builtin] = {
    "format": Builtin(_format, [Parameter("format", TEXT)], _VALUES),
    "formatlist": Builtin(_format_list, [Parameter("format", TEXT)], _VALUES),
}
