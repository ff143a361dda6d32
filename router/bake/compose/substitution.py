"""Variables in compose files: ``$NAME``, ``${NAME:-default}`` and their like; ``$$`` is a dollar."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from router.bake.places import DefinitionFault

__all__ = ["Lookup", "substitute"]

Lookup: TypeAlias = Callable[[str], str | None]
"""Finds a variable's value, None where it isn't set."""

_PLAIN = re.compile(r"\$(\$|[_a-zA-Z][_a-zA-Z0-9]*)")
_BRACED = re.compile(r"([_a-zA-Z][_a-zA-Z0-9]*)(?:(:?[-+?])(.*))?\Z")
_DEEPEST = 30
_MOST_CHARACTERS = 1 << 22


def substitute(text: str, lookup: Lookup, depth: int = 0) -> str:
    """Return a text with its variables replaced. Raises ``DefinitionFault``."""
    if "$" not in text:
        return text
    if depth > _DEEPEST:
        raise DefinitionFault("variables are nested too deeply")
    made: list[str] = []
    position = size = 0
    while (dollar := text.find("$", position)) >= 0:
        made.append(text[position:dollar])
        plain = _PLAIN.match(text, dollar)
        if plain is not None:
            made.append("$" if plain[1] == "$" else lookup(plain[1]) or "")
            position = plain.end()
        elif text.startswith("{", dollar + 1):
            position = _closing(text, dollar + 1) + 1
            made.append(_braced(text[dollar + 2 : position - 1], text, lookup, depth))
        else:
            # Go's pattern doesn't match a dollar before anything else: it stands for itself.
            made.append("$")
            position = dollar + 1
        size += len(made[-1])
        if size > _MOST_CHARACTERS:
            raise DefinitionFault("a text with its variables is too large")
    made.append(text[position:])
    return "".join(made)


def _closing(text: str, begin: int) -> int:
    """Return where the brace is closed that stands at an offset."""
    depth = 0
    for position in range(begin, len(text)):
        depth += (text[position] == "{") - (text[position] == "}")
        if not depth:
            return position
    raise _refused(text)


def _refused(text: str) -> DefinitionFault:
    return DefinitionFault(f'invalid variable in "{text[:100]}": to write a dollar itself, double it ($$)')


def _braced(inner: str, text: str, lookup: Lookup, depth: int) -> str:
    match = _BRACED.match(inner)
    if match is None:
        raise _refused(text)
    name, operator, rest = match.groups()
    value = lookup(name)
    if operator is None:
        return value or ""
    # With a colon an empty value counts as none.
    given = bool(value) if operator.startswith(":") else value is not None
    match operator[-1]:
        case "-" if not given:
            return substitute(rest, lookup, depth + 1)
        case "+" if given:
            return substitute(rest, lookup, depth + 1)
        case "?" if not given:
            why = substitute(rest, lookup, depth + 1)
            raise DefinitionFault(
                f"the variable {name} is required" + (f": {why}" if why else " and has no value")
            )
    return value or ""
