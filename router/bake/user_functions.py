"""Functions that a definition defines: ``function "name" { params = [a], result = ... }``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from router.bake.bodies import Block
from router.bake.constructors import TupleCons
from router.bake.json_bodies import JSONText
from router.bake.nodes import Call, Node, Scope, keyword_of
from router.bake.places import DefinitionFault
from router.bake.values import Null, Value

__all__ = ["UserFunction", "read_function"]

_IDENTIFIER = r"[^\W\d][\w-]*\Z"


class UserFunction:
    """A function with an expression for its result."""

    def __init__(self, parameters: Sequence[str], rest: str, result: Node) -> None:
        self.parameters = parameters
        self.rest = rest
        self.result = result
        self.names = frozenset({*parameters, rest} - {""})

    def call(self, call: Call, scope: Scope) -> Value:
        """Evaluate the result with the arguments under the parameters' names."""
        count = len(call.arguments)
        if count < len(self.parameters):
            missing = self.parameters[count]
            raise DefinitionFault(f'the function "{call.name}" needs an argument "{missing}"', call.place)
        if count > len(self.parameters) and not self.rest:
            raise DefinitionFault(
                f'the function "{call.name}" takes {len(self.parameters)} arguments', call.place
            )
        values: list[Value] = []
        for node in call.arguments:
            value = node.evaluate(scope)
            if isinstance(value, Null):
                raise DefinitionFault(f'an argument of "{call.name}" must not be null', node.place)
            values.append(value)
        names = dict(zip(self.parameters, values, strict=False))
        if self.rest:
            names[self.rest] = tuple(values[len(self.parameters) :])
        return self.result.evaluate(Scope(scope.globals, names))


def read_function(block: Block) -> UserFunction:
    """Return the function that a block defines."""
    for name in ("result", "params"):
        if name not in block.attributes:
            raise DefinitionFault(f'the function {block.labels[0]} needs the argument "{name}"', block.place)
    params = block.attributes["params"].expression
    if not isinstance(params, TupleCons):
        raise DefinitionFault("the parameters must be a list of names", params.place)
    rest = block.attributes.get("variadic_params")
    return UserFunction(
        [_name(each) for each in params.items],
        "" if rest is None else _name(rest.expression),
        block.attributes["result"].expression,
    )


def _name(node: Node) -> str:
    name = node.text if isinstance(node, JSONText) else keyword_of(node)
    if not re.match(_IDENTIFIER, name):
        raise DefinitionFault("a parameter must be a name", node.place)
    return name
