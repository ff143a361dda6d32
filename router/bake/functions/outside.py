"""Functions that look at what is outside of a definition: the time, the home directory."""

from __future__ import annotations

from router.bake.functions.times import format_rfc3339
from router.bake.nodes import Call, Function, Scope
from router.bake.places import DefinitionFault
from router.bake.values import Value

__all__ = ["FUNCTIONS"]


class _Timestamp:
    def call(self, call: Call, scope: Scope) -> Value:
        """Return the time at which the definition is read."""
        _check_alone(call)
        return format_rfc3339(scope.globals.outside.now)


class _Home:
    def call(self, call: Call, scope: Scope) -> Value:
        """Return the user's home directory."""
        _check_alone(call)
        return scope.globals.outside.home


def _check_alone(call: Call) -> None:
    if call.arguments:
        raise DefinitionFault(f'the function "{call.name}" takes no arguments', call.place)


FUNCTIONS: dict[str, Function] = {"timestamp": _Timestamp(), "homedir": _Home()}
