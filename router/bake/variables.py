"""Variables of a definition: what they are by default, what the environment makes of them, and what they must
be."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from router.bake.bodies import Attribute, Block
from router.bake.conversion import convert, make_list, make_map, make_set
from router.bake.entries import fields_of
from router.bake.json_bodies import JSONText
from router.bake.json_values import decode_json, encode_json
from router.bake.nodes import Literal, Node, Scope
from router.bake.operations import truth
from router.bake.places import DefinitionFault, Place
from router.bake.type_expressions import type_constraint
from router.bake.values import BOOL, DYNAMIC, NULL, STRING, Null, Number, Type, Value, type_of

__all__ = [
    "BakeVariable",
    "Validation",
    "Variable",
    "check_validations",
    "override",
    "read_variable",
    "variable_text",
]

_FLOAT = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z"
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class Validation(NamedTuple):
    """A condition that a variable must meet, and what is said where it doesn't."""

    condition: Node
    message: Node
    place: Place


class Variable(NamedTuple):
    """A ``variable`` block. ``constraint`` is None where it names no type."""

    name: str
    default: Attribute | None
    constraint: Type | None
    description: str
    validations: Sequence[Validation]
    place: Place


class BakeVariable(NamedTuple):
    """A variable as ``--list variables`` shows it; ``value`` is None for null."""

    name: str
    description: str
    type: str
    value: str | None


def read_variable(block: Block, scope: Scope) -> Variable:
    """Return what a ``variable`` block says, without its value."""
    description = block.attributes.get("description")
    told = "" if description is None else convert(description.expression.evaluate(scope), STRING)
    validations = [_validation(each) for each in block.blocks if each.type == "validation"]
    return Variable(
        block.labels[0],
        block.attributes.get("default"),
        _constraint(block.attributes.get("type")),
        told if isinstance(told, str) else "",
        validations,
        block.place,
    )


def _constraint(attribute: Attribute | None) -> Type | None:
    if attribute is None:
        return None
    node = attribute.expression
    if isinstance(node, JSONText):
        node = node.expression()
    if isinstance(node, Literal) and node.value is NULL:
        return None
    return type_constraint(node)


def _validation(block: Block) -> Validation:
    condition, message = block.attributes.get("condition"), block.attributes.get("error_message")
    if condition is None or message is None:
        missing = "error_message" if message is None else "condition"
        raise DefinitionFault(f'a validation needs the argument "{missing}"', block.place)
    return Validation(condition.expression, message.expression, block.place)


def check_validations(variable: Variable, scope: Scope) -> None:
    """Raise ``DefinitionFault`` with a validation's message where its condition is false."""
    for each in variable.validations:
        if truth(each.condition, scope):
            continue
        message = each.message.evaluate(scope)
        text = message if isinstance(message, str) else "this check failed, but has no valid error message"
        raise DefinitionFault(
            f"validation of the variable {variable.name} failed: {text}", each.condition.place
        )


def override(variable: Variable, default: Value | None, text: str, *, from_json: bool) -> Value:
    """Return a variable's value where one is given from outside: a text, CSV or JSON."""
    wanted = variable.constraint
    name = variable.name
    if wanted is not None and from_json:
        try:
            return convert(decode_json(text), wanted)
        except DefinitionFault as fault:
            raise DefinitionFault(f"the JSON for the variable {name} doesn't fit: {fault.message}") from None
    if wanted is not None and wanted.kind in {"list", "set", "tuple", "map"}:
        return _from_csv(name, text, wanted)
    if wanted is not None and wanted.is_primitive:
        return _primitive(name, text, wanted)
    if wanted is not None:
        raise DefinitionFault(f"the variable {name} is {wanted}, which is given as JSON only, by {name}_JSON")
    if default is None or type_of(default) == DYNAMIC:
        return text
    kind = type_of(default)
    if kind.is_primitive:
        return _primitive(name, text, kind)
    raise DefinitionFault(f"the variable {name} is {kind}: it needs a type to be given from outside")


def _primitive(name: str, text: str, wanted: Type) -> Value:
    if wanted == STRING:
        return text
    if wanted == BOOL:
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise DefinitionFault(f'the variable {name} must be true or false, not "{text}"')
    return _number(name, text)


def _number(name: str, text: str) -> Number:
    value = float(text) if re.match(_FLOAT, text) else math.inf
    if math.isinf(value):
        raise DefinitionFault(f'the variable {name} must be a number, not "{text}"')
    return int(value) if value.is_integer() else value


def _from_csv(name: str, text: str, wanted: Type) -> Value:
    fields = fields_of(text, name)
    if wanted.kind == "tuple":
        if len(fields) != len(wanted.elements):
            raise DefinitionFault(
                f"the variable {name} has {len(wanted.elements)} elements, not {len(fields)}"
            )
        return tuple(
            _element(name, field, kind, wanted) for field, kind in zip(fields, wanted.elements, strict=True)
        )
    if wanted.kind == "map":
        return make_map(wanted.element, dict(_pair(name, field, wanted) for field in fields))
    elements = [_element(name, field, wanted.element, wanted) for field in fields]
    make = make_list if wanted.kind == "list" else make_set
    return make(wanted.element, elements)


def _pair(name: str, field: str, wanted: Type) -> tuple[str, Value]:
    key, colon, value = field.partition(":")
    if not colon or ":" in value:
        raise DefinitionFault(f'the variable {name} is a map: write key:value, not "{field}"')
    return key, _element(name, value, wanted.element, wanted)


def _element(name: str, text: str, kind: Type, wanted: Type) -> Value:
    if not kind.is_primitive:
        raise DefinitionFault(f"the variable {name} is {wanted}, which is given as JSON only, by {name}_JSON")
    return _primitive(name, text, kind)


def variable_text(value: Value, constraint: Type | None) -> str | None:
    """Return a variable's value as it is listed: strings without quotes, all else as JSON; None for null."""
    if isinstance(value, Null):
        return None
    if isinstance(value, str) and constraint in {None, STRING}:
        return value if constraint is None else encode_json(value).strip('"')
    return encode_json(value)
