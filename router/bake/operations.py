"""Expressions with operators and conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.bake.conversion import convert, describe, unify
from router.bake.nodes import Literal, Node, Scope
from router.bake.operators import BINARY, UNARY
from router.bake.places import DefinitionFault, FinalFault, Place
from router.bake.values import BOOL, NULL, NUMBER, Null, Type, Value, type_of

__all__ = ["Binary", "Conditional", "Unary", "truth"]


def truth(condition: Node, scope: Scope) -> bool:
    """Return a condition's value, which must be a bool."""
    value = condition.evaluate(scope)
    if isinstance(value, Null):
        raise DefinitionFault("the condition is null: it must be true or false", condition.place)
    try:
        return bool(convert(value, BOOL))
    except DefinitionFault as fault:
        raise DefinitionFault(f"the condition must be a bool: {fault.message}", condition.place) from None


class Unary(Node):
    """``-a`` and ``!a``."""

    __slots__ = ("operand", "operator")

    def __init__(self, place: Place, operator: str, operand: Node) -> None:
        self.place = place
        self.operator = operator
        self.operand = operand

    def children(self) -> Sequence[Node]:
        """Return the operand."""
        return (self.operand,)

    def evaluate(self, scope: Scope) -> Value:
        """Return the result."""
        want = NUMBER if self.operator == "-" else BOOL
        result: Value = UNARY[self.operator](_operand(self.operand, scope, want))
        return result


class Binary(Node):
    """Two operands and an operator. Both are evaluated always."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, place: Place, left: Node, operator: str, right: Node) -> None:
        self.place = place
        self.left = left
        self.operator = operator
        self.right = right

    def children(self) -> Sequence[Node]:
        """Return the operands."""
        return (self.left, self.right)

    def evaluate(self, scope: Scope) -> Value:
        """Return the result."""
        want, operate = BINARY[self.operator]
        if want is BOOL:
            return self._logical(scope)
        if want is None:
            left, right = self.left.evaluate(scope), self.right.evaluate(scope)
            scope.globals.budget.charge(left, self.place)
            equal: Value = operate(left, right)
            return equal
        try:
            result: Value = operate(_operand(self.left, scope, want), _operand(self.right, scope, want))
        except DefinitionFault as fault:
            raise fault.at(self.place) from None
        return result

    def _logical(self, scope: Scope) -> Value:
        """Return what one operand decides alone; what is wrong with the other doesn't matter then."""
        decides = self.operator == "||"
        faults: list[DefinitionFault] = []
        for node in (self.left, self.right):
            try:
                if _side(node, scope, decides=decides) == decides:
                    return decides
            except FinalFault:
                raise
            except DefinitionFault as fault:
                faults.append(fault)
        if faults:
            raise faults[0]
        return not decides


def _side(node: Node, scope: Scope, *, decides: bool) -> bool:
    """Return an operand of ``&&`` or ``||``; for the first of these null is false, as HCL has it."""
    value = node.evaluate(scope)
    if isinstance(value, Null) and not decides:
        return False
    return bool(_converted(value, node, BOOL))


def _operand(node: Node, scope: Scope, want: Type) -> Any:
    return _converted(node.evaluate(scope), node, want)


def _converted(value: Value, node: Node, want: Type) -> Any:
    if isinstance(value, Null):
        raise DefinitionFault("null can't be an operand", node.place)
    try:
        return convert(value, want)
    except DefinitionFault as fault:
        raise DefinitionFault(f"the operand doesn't fit: {fault.message}", node.place) from None


class Conditional(Node):
    """``condition ? one : other``. Of both results there must be one type."""

    __slots__ = ("condition", "no", "yes")

    def __init__(self, place: Place, condition: Node, yes: Node, no: Node) -> None:
        self.place = place
        self.condition = condition
        self.yes = yes
        self.no = no

    def children(self) -> Sequence[Node]:
        """Return condition and results."""
        return (self.condition, self.yes, self.no)

    def evaluate(self, scope: Scope) -> Value:
        """Return the one or the other, as their common type."""
        # What is wrong with the result that isn't taken doesn't matter; its type does, where it has one.
        chosen, left = (self.yes, self.no) if truth(self.condition, scope) else (self.no, self.yes)
        value = chosen.evaluate(scope)
        if (
            isinstance(left, Literal)
            and value.__class__ is left.value.__class__
            and not isinstance(value, Null)
        ):
            return value  # which most are: two strings
        try:
            other = left.evaluate(scope)
        except FinalFault:
            raise
        except DefinitionFault:
            return value
        scope.globals.budget.charge(value, self.place)
        scope.globals.budget.charge(other, self.place)
        return self._of_common_type(value, other, chosen)

    def _of_common_type(self, value: Value, other: Value, chosen: Node) -> Value:
        if other == NULL and isinstance(other, Null):
            return value
        if value == NULL and isinstance(value, Null):
            return Null(type_of(other))
        common = unify([type_of(value), type_of(other)])
        if common is None:
            raise DefinitionFault(
                "the results of the condition have no common type:"
                f" one is {describe(value)}, the other {describe(other)}",
                self.place,
            )
        try:
            return convert(value, common)
        except DefinitionFault as fault:
            raise DefinitionFault(f"the result has the wrong type: {fault.message}", chosen.place) from None
