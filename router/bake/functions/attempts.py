"""``try``, ``can`` and ``convert``: they look at expressions before these have values."""

from __future__ import annotations

from router.bake.conversion import convert
from router.bake.nodes import Call, Function, Scope
from router.bake.places import DefinitionFault, FinalFault
from router.bake.type_expressions import type_constraint
from router.bake.values import Value

__all__ = ["FUNCTIONS"]


class _Try:
    def call(self, call: Call, scope: Scope) -> Value:
        """Return the first argument's value that has one."""
        faults: list[str] = []
        for each in call.arguments:
            try:
                return each.evaluate(scope)
            except FinalFault:
                raise
            except DefinitionFault as fault:
                faults.append(fault.message)
        if not faults:
            raise DefinitionFault("try needs at least one argument", call.place)
        raise DefinitionFault(f"no argument of try has a value: {'; '.join(faults[:5])}", call.place)


class _Can:
    def call(self, call: Call, scope: Scope) -> Value:
        """Return whether the argument has a value."""
        if len(call.arguments) != 1:
            raise DefinitionFault("can takes one argument", call.place)
        try:
            call.arguments[0].evaluate(scope)
        except FinalFault:
            raise
        except DefinitionFault:
            return False
        return True


class _Convert:
    def call(self, call: Call, scope: Scope) -> Value:
        """Return a value as one of the type that the second argument names."""
        if len(call.arguments) != 2:
            raise DefinitionFault("convert takes a value and a type", call.place)
        value, wanted = call.arguments
        try:
            return convert(value.evaluate(scope), type_constraint(wanted))
        except DefinitionFault as fault:
            raise fault.at(value.place) from None


FUNCTIONS: dict[str, Function] = {"try": _Try(), "can": _Can(), "convert": _Convert()}
