"""Functions of regular expressions."""

from __future__ import annotations

import re

from router.bake.bounds import Budget
from router.bake.functions.signature import TEXT, Builtin, of
from router.bake.places import DefinitionFault
from router.bake.regular.machine import Match, Program
from router.bake.regular.patterns import parse_pattern
from router.bake.values import STRING, ListValue, Null, Type, Value, normal_text, object_of, tuple_of

__all__ = ["FUNCTIONS"]

_REFERENCE = re.compile(r"\$(?:(\$)|\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))")
_MOST_CHARACTERS = 1 << 24


def _program(budget: Budget, pattern: str, text: str) -> Program:
    program = Program(parse_pattern(pattern))
    budget.spend(2 * program.steps(text))  # each takes longer than one of an expression
    return program


def _result_type(program: Program) -> Type:
    named = [each for each in program.names if each]
    if named and len(named) < len(program.names):
        raise DefinitionFault("a pattern can't have both groups with names and groups without")
    if named:
        return object_of(dict.fromkeys(named, STRING))
    return tuple_of([STRING] * len(program.names)) if program.names else STRING


def _result(program: Program, text: str, match: Match) -> Value:
    groups = [_group(text, match, number) for number in range(1, len(program.names) + 1)]
    if not groups:
        return _group(text, match, 0)
    return dict(zip(program.names, groups, strict=True)) if program.names[0] else tuple(groups)


def _group(text: str, match: Match, number: int) -> Value:
    begin, end = match[2 * number], match[2 * number + 1]
    return normal_text(text[begin:end]) if begin >= 0 and end >= 0 else Null(STRING)


def _regex(budget: Budget, pattern: str, text: str) -> Value:
    program = _program(budget, pattern, text)
    _result_type(program)
    for match in program.all_matches(text):
        return _result(program, text, match)
    raise DefinitionFault("the pattern matches no part of the string")


def _regex_all(budget: Budget, pattern: str, text: str) -> Value:
    program = _program(budget, pattern, text)
    kind = _result_type(program)
    return ListValue(kind, tuple(_result(program, text, match) for match in program.all_matches(text)))


def _regex_replace(budget: Budget, text: str, pattern: str, by: str) -> str:
    program = _program(budget, pattern, text)
    made: list[str] = []
    position = size = 0
    for match in program.all_matches(text):
        made += [text[position : match[0]], _expanded(program, text, match, by)]
        size += len(made[-1])
        if size > _MOST_CHARACTERS:
            raise DefinitionFault(f"the string would have more than {_MOST_CHARACTERS} characters")
        position = match[1]
    return normal_text("".join([*made, text[position:]]))


def _expanded(program: Program, text: str, match: Match, by: str) -> str:
    """Return the replacement with the groups that it refers to (``$1``, ``${name}``)."""

    def referred(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        number = int(name) if name.isdigit() and len(name) < 6 else -1
        if not name.isdigit() and name in program.names:
            number = list(program.names).index(name) + 1
        found = _group(text, match, number) if 0 <= number <= len(program.names) else ""
        return found if isinstance(found, str) else ""

    return _REFERENCE.sub(referred, by)


FUNCTIONS: dict[str, Builtin] = {
    "regex": of(_regex, ("pattern", TEXT), ("string", TEXT))._replace(counted=True),
    "regexall": of(_regex_all, ("pattern", TEXT), ("string", TEXT))._replace(counted=True),
    "regex_replace": of(_regex_replace, ("str", TEXT), ("pattern", TEXT), ("replace", TEXT))._replace(
        counted=True
    ),
}
