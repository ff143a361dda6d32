"""What a function takes, and how a call's arguments become that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from router.bake.conversion import convert
from router.bake.nodes import Call, Scope
from router.bake.numbers import as_integer
from router.bake.places import DefinitionFault
from router.bake.values import DYNAMIC, NUMBER, STRING, Null, Number, Type, Value

__all__ = ["ANY", "NUMBERS", "TEXT", "Builtin", "Parameter", "of", "whole"]


class Parameter(NamedTuple):
    """A parameter: its name, its type, and whether it takes null."""

    name: str
    type: Type
    null: bool = False


ANY = DYNAMIC
TEXT = STRING
NUMBERS = NUMBER


class Builtin(NamedTuple):
    """A function in Python, called with the values of the arguments.

    One that is ``counted`` is given the budget as well: its time is more than its arguments' size.
    """

    work: Callable[..., Value]
    parameters: Sequence[Parameter]
    variadic: Parameter | None = None
    counted: bool = False

    def call(self, call: Call, scope: Scope) -> Value:
        """Evaluate the arguments, and return the result."""
        nodes = call.arguments
        if len(nodes) < len(self.parameters):
            missing = self.parameters[len(nodes)].name
            raise DefinitionFault(f'the function "{call.name}" needs an argument "{missing}"', call.place)
        if self.variadic is None and len(nodes) > len(self.parameters):
            most = len(self.parameters)
            raise DefinitionFault(
                f'the function "{call.name}" takes {most} {"argument" if most == 1 else "arguments"}',
                call.place,
            )
        values: list[Value] = []
        for number, node in enumerate(nodes):
            parameter = self.parameters[number] if number < len(self.parameters) else self.variadic
            if parameter is None:
                raise AssertionError("the arguments were counted")
            value = node.evaluate(scope)
            scope.globals.budget.charge(value, node.place)
            if isinstance(value, Null) and not parameter.null:
                raise DefinitionFault(f'the argument "{parameter.name}" must not be null', node.place)
            try:
                values.append(convert(value, parameter.type))
            except DefinitionFault as fault:
                raise DefinitionFault(
                    f'the argument "{parameter.name}" doesn\'t fit: {fault.message}', node.place
                ) from None
        budget = scope.globals.budget
        try:
            result = self.work(budget, *values) if self.counted else self.work(*values)
        except DefinitionFault as fault:
            raise fault.at(call.place) from None
        budget.charge(result, call.place)
        if isinstance(result, str):
            budget.spend(0, len(result), call.place)
        return result


def of(work: Callable[..., Any], *parameters: tuple[str, Type], rest: Parameter | None = None) -> Builtin:
    """Declare a function by what it does and its parameters' names and types."""
    return Builtin(work, [Parameter(name, kind) for name, kind in parameters], rest)


def whole(value: Number, name: str) -> int:
    """Return a number that must be whole."""
    number = as_integer(value)
    if number is None or abs(number) >= 1 << 63:
        raise DefinitionFault(f"{name} must be a whole number")
    return number
