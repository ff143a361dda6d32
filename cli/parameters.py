"""What a command can be given: the fields of its groups, one after the other, and back to groups.

Both readers of a command line work from these: our own (`cli.command_line`), and Typer for help and
completion (`cli.typer_app`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from keyword import iskeyword
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from cli.groups import Argument, Only, Option, OptionGroup
from cli.named import NamedTuple

__all__ = ["READING", "Kind", "Parameter", "grouped", "parameters_of", "renamed", "usage_of"]

READING = "reading"
"""A parameter of this name is no group of options: it is how the command was read."""

Kind = Literal["flag", "count", "choice", "list", "number", "text"]


class Parameter(NamedTuple):
    """What a command can be given: what stands for it, what it may be, and its value where it isn't given.

    ``path`` says where the value goes: the command's parameter (a ``group``), groups in it, the field.
    """

    name: str
    declared: Option | Argument
    hint: Any
    kind: Kind
    choices: tuple[str, ...]
    default: object
    group: type[OptionGroup]
    path: tuple[str, ...]


def parameters_of(command: Callable[..., None]) -> tuple[Parameter, ...]:
    """Return what a command can be given, in the order of its groups."""
    hints = get_type_hints(command, include_extras=True)
    for name in ("return", READING):
        hints.pop(name, None)
    found: list[Parameter] = []
    for name, hint in hints.items():
        if get_origin(hint) is Annotated:
            group, only = get_args(hint)
            found += _chosen(list(_fields(group, group, (name,))), only)
        else:
            found += _fields(hint, hint, (name,))
    return tuple(found)


def usage_of(parameter: Parameter) -> str:
    """Return an argument as a line about usage has it, nothing for an option."""
    argument = parameter.declared
    if not isinstance(argument, Argument):
        return ""
    if argument.rest:
        return f"[--] {argument.metavar} [ARG]..."
    name = argument.metavar if argument.missing else f"[{argument.metavar}]"
    return f"{name}..." if parameter.kind == "list" else name


def renamed(parameters: Sequence[Parameter], aliases: Mapping[str, str]) -> Sequence[Parameter]:
    """Return the parameters with the ``aliases`` that some have; an option that was called so is left out."""
    if not aliases:
        return parameters
    found: list[Parameter] = []
    for parameter in parameters:
        names = parameter.declared.names if isinstance(parameter.declared, Option) else ()
        added = tuple(alias for alias, name in aliases.items() if name in names)
        if isinstance(parameter.declared, Option) and added:
            declared = parameter.declared._replace(aliases=(*parameter.declared.aliases, *added))
            found.append(parameter._replace(declared=declared))
        elif not aliases.keys() & set(names):
            found.append(parameter)
    return found


def grouped(parameters: Iterable[Parameter], values: Mapping[str, object]) -> dict[str, OptionGroup]:
    """Return what to call a command with: its groups, made of the values of its parameters by name."""
    groups: dict[str, type[OptionGroup]] = {}
    trees: dict[str, Any] = {}
    for parameter in parameters:
        groups[parameter.path[0]] = parameter.group
        *branches, field = parameter.path
        tree = trees
        for branch in branches:
            tree = tree.setdefault(branch, {})
        tree[field] = values[parameter.name]
    return {name: _built(group, trees[name]) for name, group in groups.items()}


def _built(group: type[OptionGroup], tree: Mapping[str, Any]) -> OptionGroup:
    made = {}
    for name, value in tree.items():
        inner = group.declared[name]
        made[name] = _built(inner, value) if isinstance(inner, type) else value
    return group(**made)


def _fields(group: type[OptionGroup], top: type[OptionGroup], path: tuple[str, ...]) -> Iterator[Parameter]:
    hints: dict[str, object] = {}
    for name, declared in group.declared.items():
        if isinstance(declared, type):
            yield from _fields(declared, top, (*path, name))
            continue
        hints = hints or _hints(group)
        yield _parameter(declared, hints[name], getattr(group, name, None), top, (*path, name))


def _hints(group: type[OptionGroup]) -> dict[str, object]:
    hints: dict[str, object] = {}
    for base in reversed(group.__mro__[: -len(OptionGroup.__mro__)]):
        hints |= base.__annotations__
    # Where they are values already, nothing has to be compiled.
    return get_type_hints(group) if any(isinstance(hint, str) for hint in hints.values()) else hints


def _parameter(
    declared: Option | Argument,
    hint: object,
    default: object,
    top: type[OptionGroup],
    path: tuple[str, ...],
) -> Parameter:
    name = declared.names[0].lstrip("-").replace("-", "_") if isinstance(declared, Option) else path[-1]
    if iskeyword(name):
        name += "_"  # no function can have a parameter of that name (--from)
    options = [part for part in get_args(hint) if part is not NoneType]
    kind = options[0] if get_origin(hint) in {Union, UnionType} else hint
    choices = tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()
    return Parameter(name, declared, hint, _kind(kind), choices, default, top, path)


def _kind(annotation: object) -> Kind:
    if get_origin(annotation) is Literal:
        return "choice"
    if get_origin(annotation) is list:
        return "list"
    kinds: dict[object, Kind] = {bool: "flag", int: "count", float: "number", str: "text"}
    return kinds[annotation]


def _chosen(parameters: Sequence[Parameter], only: Only) -> Iterator[Parameter]:
    """Yield the part that a command has, with its own defaults."""
    for name in only.names:
        found = [parameter for parameter in parameters if name in _names(parameter)]
        if not found:
            raise LookupError(f"{name} is none of the group's")
        for parameter in found:
            field = parameter.path[-1]
            yield parameter._replace(default=only.defaults.get(field, parameter.default))


def _names(parameter: Parameter) -> tuple[str, ...]:
    declared = parameter.declared
    own = declared.names[0] if isinstance(declared, Option) else declared.metavar
    return (*parameter.path[1:-1], own)
