"""The evaluation of a definition's files: variables, functions, and the blocks of groups and targets.

Nothing is evaluated before it is needed. A target's argument that another expression refers to is worked out
at that moment, whatever the order in the files; what depends on itself is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from router.bake.bodies import Attribute, Block, Body
from router.bake.bounds import MOST_MATRIX, Budget
from router.bake.conversion import convert
from router.bake.fields import GROUP_FIELDS, TARGET_FIELDS, Decoded, decode
from router.bake.functions import NAMES, standard_function
from router.bake.nodes import Call, Function, Scope, Step, Traversal, names_in
from router.bake.outside import BakeOutside
from router.bake.places import DefinitionFault, FinalFault, Place
from router.bake.target import BakeGroup, BakeTarget
from router.bake.user_functions import UserFunction, read_function
from router.bake.values import STRING, MapValue, Null, Value, elements_of
from router.bake.variables import (
    BakeVariable,
    Variable,
    check_validations,
    override,
    read_variable,
    variable_text,
)

__all__ = ["BLOCKS", "Resolved", "check_name", "resolve"]

BLOCKS: Mapping[str, Mapping[str, object]] = {
    "variable": {"validation": None},
    "function": {},
    "group": {},
    "target": {},
}
"""The blocks of a definition, and the blocks within them."""

_NAME = r"[a-zA-Z0-9_-]+\Z"
_FIELDS = {"group": GROUP_FIELDS, "target": TARGET_FIELDS}


class Resolved(NamedTuple):
    """What the files say. ``renamed`` are the names of a matrix's targets, by that of its block."""

    groups: Sequence[BakeGroup]
    targets: Sequence[BakeTarget]
    renamed: Mapping[str, Sequence[str]]
    variables: Sequence[BakeVariable]


def check_name(name: str) -> None:
    """Raise ``DefinitionFault`` for a name that no target can have."""
    if not re.match(_NAME, name):
        raise DefinitionFault(f'the name "{name}" is not valid: only letters, digits, _ and - are allowed')


def resolve(bodies: Sequence[Body], outside: BakeOutside) -> Resolved:
    """Evaluate the files of a definition, in their order."""
    return _Resolver(bodies, outside).resolve()


class _Instance:
    """One target or group that a block makes: the one, or one of a matrix."""

    def __init__(self, block: Block, scope: Scope) -> None:
        self.block = block
        self.scope = scope
        self.name = block.labels[0]
        self._fields = _FIELDS[block.type]
        self._decoded: dict[str, Decoded] = {}
        self._in_progress: set[str] = set()

    def argument(self, name: str) -> Decoded:
        """Return an argument, worked out when it is first asked for."""
        found = self._decoded.get(name)
        if found is not None:
            return found
        if name in self._in_progress:
            raise FinalFault(
                f"{self.block.type}.{self.name}.{name} depends on itself", self.block.attributes[name].place
            )
        attribute = self.block.attributes.get(name)
        _, kind = self._fields[name]
        if attribute is None:
            found = decode(kind, None)
        else:
            self._in_progress.add(name)
            try:
                found = self._evaluated(attribute, kind)
            finally:
                self._in_progress.discard(name)
        self._decoded[name] = found
        return found

    def _evaluated(self, attribute: Attribute, kind: Any) -> Decoded:
        value = attribute.expression.evaluate(self.scope)
        self.scope.globals.budget.charge(value, attribute.place)
        try:
            return decode(kind, value)
        except DefinitionFault as fault:
            raise DefinitionFault(
                f"{attribute.name} of {self.block.type} {self.name} doesn't fit: {fault.message}",
                attribute.expression.place,
            ) from None

    def value(self, name: str) -> Value | None:
        """Return an argument's value for another expression; None where there is no such argument."""
        if name == "name":
            return self.name
        if name == "description" and name not in self.block.attributes:
            return ""
        return self.argument(name).value if name in self._fields else None

    def whole(self) -> Value:
        """Return all arguments, as an object."""
        return {name: value for name in ("name", *self._fields) if (value := self.value(name)) is not None}

    def fields(self) -> dict[str, Any]:
        """Return what was given, by the names of the fields of a target or a group."""
        return {
            field: self.argument(name).field
            for name, (field, _) in self._fields.items()
            if name in self.block.attributes
        }


class _Resolver:
    """Implements ``router.bake.nodes.Globals``."""

    def __init__(self, bodies: Sequence[Body], outside: BakeOutside) -> None:
        self.budget = Budget()
        self.outside = outside
        self._scope = Scope(self, {})
        self._values: dict[str, Value] = dict(outside.builtin)
        self._in_progress: set[str] = set()
        self._attributes: dict[str, Attribute] = {}
        self._variables: dict[str, Variable] = {}
        self._functions: dict[str, Function] = {}
        self._user_functions: dict[str, Block] = {}
        self._blocks: list[Block] = []
        self._instances: dict[str, dict[str, list[_Instance]]] = {"group": {}, "target": {}}
        reserved = {"group", "target", *outside.builtin}
        for body in bodies:
            self._attributes |= {
                name: each for name, each in body.attributes.items() if name not in {*reserved, "function"}
            }
            for block in body.blocks:
                if block.type in BLOCKS:
                    self._add_block(block, reserved)

    def _add_block(self, block: Block, reserved: set[str]) -> None:
        if len(block.labels) != 1:
            raise DefinitionFault(
                f"{block.type} needs one name in quotes, and has {len(block.labels)}", block.place
            )
        name = block.labels[0]
        if block.type in {"group", "target"}:
            self._blocks.append(block)
        elif name in reserved:
            return
        elif block.type == "variable":
            self._variables[name] = read_variable(block, self._scope)
        else:
            self._user_functions[name] = block

    def resolve(self) -> Resolved:
        """Evaluate everything, in the order in which faults are told."""
        listed: list[BakeVariable] = []
        for name, variable in self._variables.items():
            value = self._variable(name, variable.place)
            self.budget.charge(value, variable.place)
            text = variable_text(value, variable.constraint)
            kind = "" if variable.constraint is None else str(variable.constraint)
            listed.append(BakeVariable(name, variable.description, kind, text))
        for variable in self._variables.values():
            check_validations(variable, self._scope)
        for name in self._user_functions:
            self.function(name)
        made = [(block, self._made(block)) for block in self._blocks]
        for block, instances in made:
            for each in instances:
                self._instances[block.type].setdefault(each.name, []).append(each)
        groups, targets = self._decoded(instances for _, instances in made)
        for name, attribute in self._attributes.items():
            self._variable(name, attribute.place)
        renamed: dict[str, list[str]] = {}
        for block, instances in made:
            renamed.setdefault(block.labels[0], []).extend(each.name for each in instances)
        return Resolved(groups, targets, renamed, listed)

    def _decoded(self, made: Iterator[Sequence[_Instance]]) -> tuple[list[BakeGroup], list[BakeTarget]]:
        groups: list[BakeGroup] = []
        targets: list[BakeTarget] = []
        for each in (one for instances in made for one in instances):
            fields = {name: value for name, value in each.fields().items() if value is not None}
            if each.block.type == "group":
                if "targets" not in each.block.attributes:
                    raise DefinitionFault(f"the group {each.name} has no targets", each.block.place)
                groups.append(BakeGroup(name=each.name, **fields))
            else:
                targets.append(BakeTarget(name=each.name, **fields))
        return groups, targets

    def _made(self, block: Block) -> list[_Instance]:
        """Return what a block makes: one target, or those of its matrix, under their names."""
        instances = [_Instance(block, scope) for scope in self._scopes(block)]
        check = _placed(check_name, block.place)
        check(block.labels[0])
        named = block.attributes.get("name")
        if named is not None and block.type == "group":
            raise DefinitionFault("a group's name is what stands behind the word group", named.place)
        if named is not None and "matrix" not in block.attributes:
            raise DefinitionFault("a target's argument name is for a matrix only", named.place)
        for each in instances:
            if named is not None:
                name = convert(named.expression.evaluate(each.scope), STRING)
                each.name = name if isinstance(name, str) else ""
                check(each.name)
        names = [each.name for each in instances]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DefinitionFault(f'the matrix makes two targets with the name "{twice}"', block.place)
        return instances

    def _scopes(self, block: Block) -> list[Scope]:
        matrix = block.attributes.get("matrix")
        if matrix is None:
            return [self._scope]
        if block.type == "group":
            raise DefinitionFault("a group can't have a matrix", matrix.place)
        value = matrix.expression.evaluate(self._scope)
        axes = value.items if isinstance(value, MapValue) else value
        if not isinstance(axes, dict):
            raise DefinitionFault("a matrix must be a map of lists", matrix.expression.place)
        combinations: list[dict[str, Value]] = [{}]
        for name, choices in axes.items():
            found = _choices(choices)
            if found is None:
                raise DefinitionFault(f"{name} in the matrix must be a list", matrix.expression.place)
            if len(found) * len(combinations) > MOST_MATRIX:
                raise DefinitionFault(f"the matrix makes more than {MOST_MATRIX} targets", matrix.place)
            combinations = [{**each, name: choice} for choice in found for each in combinations]
        self.budget.spend(len(combinations) * (len(axes) + 1), 0, matrix.place)
        return [self._scope.inner(each) for each in combinations]

    def find(self, traversal: Traversal) -> tuple[Value, Sequence[Step]]:
        """Return what a name stands for, and the steps that are left."""
        if traversal.name in self._instances:
            return self._of_block(traversal)
        return self._variable(traversal.name, traversal.place), traversal.steps

    def _of_block(self, traversal: Traversal) -> tuple[Value, Sequence[Step]]:
        kind, steps = traversal.name, traversal.steps
        if not steps or not steps[0][2]:
            raise DefinitionFault(f"{kind} is no value: name one, such as {kind}.NAME", traversal.place)
        name = str(steps[0][1])
        instances = self._instances[kind].get(name)
        if not instances:
            raise DefinitionFault(f'there is no {kind} named "{name}"', steps[0][0])
        if len(steps) == 1 or not steps[1][2]:
            return instances[-1].whole(), steps[1:]
        argument = str(steps[1][1])
        values = [each.value(argument) for each in instances]
        value = values[-1]
        if value is None:
            raise DefinitionFault(f'a {kind} has no argument "{argument}"', steps[1][0])
        return value, steps[2:]

    def _variable(self, name: str, place: Place) -> Value:
        if name in self._values:
            return self._values[name]
        if name in self._in_progress:
            raise FinalFault(f"the variable {name} depends on itself", place)
        self._in_progress.add(name)
        try:
            value = self._evaluated(name, place)
        finally:
            self._in_progress.discard(name)
        self._values[name] = value
        return value

    def _evaluated(self, name: str, place: Place) -> Value:
        """Return the value of a variable or of an argument outside of blocks; the latter comes first."""
        variable = self._variables.get(name)
        attribute = self._attributes.get(name)
        if attribute is None and variable is None:
            raise DefinitionFault(f'there is no variable named "{name}"', place)
        default = attribute or (variable and variable.default)
        constraint = None if attribute is not None or variable is None else variable.constraint
        value = default.expression.evaluate(self._scope) if default else None
        if value is not None and constraint is not None and default:
            try:
                value = convert(value, constraint)
            except DefinitionFault as fault:
                raise DefinitionFault(
                    f"the default of the variable {name} doesn't fit: {fault.message}",
                    default.expression.place,
                ) from None
        given = None if variable is None else self._given(name, typed=constraint is not None)
        if variable is not None and given is not None:
            text, from_json = given
            try:
                return override(variable._replace(constraint=constraint), value, text, from_json=from_json)
            except DefinitionFault as fault:
                raise fault.at(variable.place) from None
        if value is not None:
            return value
        return "" if constraint is None else Null(constraint)

    def _given(self, name: str, *, typed: bool) -> tuple[str, bool] | None:
        """Return what is given for a variable from outside, and whether it is JSON."""
        plain = self.outside.lookup(name)
        as_json = f"{name}_JSON"
        if (
            (plain is None or typed)
            and as_json not in self._variables
            and as_json not in self.outside.builtin
        ):
            found = self.outside.lookup(as_json)
            if found is not None:
                return found, True
        return None if plain is None else (plain, False)

    def function(self, name: str) -> Function | None:
        """Return a function; one of bake's own comes before one of the definition."""
        if name in NAMES:
            return standard_function(name)
        found = self._functions.get(name)
        if found is not None or name not in self._user_functions:
            return found
        block = self._user_functions[name]
        if f"{name}()" in self._in_progress:
            raise FinalFault(f"the function {name} calls itself", block.place)
        self._in_progress.add(f"{name}()")
        made = read_function(block)
        self._check_function(made)
        self._functions[name] = made
        return made

    def _check_function(self, made: UserFunction) -> None:
        """Raise ``DefinitionFault`` where a function uses what there is not."""
        for each in names_in(made.result, made.names):
            if isinstance(each, Call):
                if self.function(each.name) is None:
                    raise DefinitionFault(f'there is no function named "{each.name}"', each.place)
            elif each.name not in self._instances:
                self._variable(each.name, each.place)


def _choices(value: Value) -> Sequence[Value] | None:
    if isinstance(value, MapValue):
        return list(value.items.values())
    return list(value.values()) if isinstance(value, dict) else elements_of(value)


def _placed(check: Any, place: Place) -> Any:
    def placed(name: str) -> None:
        try:
            check(name)
        except DefinitionFault as fault:
            raise fault.at(place) from None

    return placed
