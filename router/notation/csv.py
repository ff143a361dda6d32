"""One line of comma-separated values, as buildx and buildctl read their flags' values.

Go's ``encoding/csv`` rules for a single record, strict about quotes: a field that starts with a quote ends
with one, a quote inside it is doubled, and a field that doesn't start with a quote holds none. Blanks
belong to the field; one line end after the record is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from router.notation.flag import Flag

__all__ = ["format_fields", "format_pairs", "parse_fields", "parse_pairs"]

_LINE_END = r"\r?\n\Z"
# A quoted field up to its closing quote, or an unquoted one up to the comma.
_FIELD = r'"((?:[^"]|"")*)"(?=,|\Z)|([^",]*)(?=,|\Z)'
_NEEDS_QUOTES = r'[,"\r\n]'


def parse_fields(text: str, flag: Flag) -> tuple[str, ...]:
    """Split ``text`` into its fields. Raises ``UsageError`` where it is empty or its quotes are wrong."""
    line = re.sub(_LINE_END, "", text)
    if not line:
        raise flag.error(text, "it is empty")
    fields: list[str] = []
    position = 0
    while True:
        match = re.compile(_FIELD).match(line, position)
        if match is None:
            why = 'a quoted field must end with a quote, with quotes inside it doubled ("")'
            raise flag.error(text, why if line[position] == '"' else 'a quote (") inside an unquoted field')
        quoted, plain = match.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        if match.end() == len(line):
            return tuple(fields)
        position = match.end() + 1


def parse_pairs(text: str, flag: Flag) -> tuple[tuple[str, str], ...]:
    """Split ``text`` into its ``key=value`` fields; keys come in lower case, without blanks around them.

    Raises ``UsageError`` where a field has no equals sign.
    """
    pairs: list[tuple[str, str]] = []
    for number, field in enumerate(parse_fields(text, flag), start=1):
        key, equals, value = field.partition("=")
        if not equals:
            shown = f"field {number}" if flag.secret else f'field "{field}"'
            raise flag.error(text, f"{shown} is not of the form key=value")
        pairs.append((key.strip().lower(), value))
    return tuple(pairs)


def format_fields(fields: Iterable[str]) -> str:
    """Join ``fields`` into one record, with quotes only where they are needed."""
    listed = tuple(fields)
    if listed == ("",):
        return '""'
    return ",".join(_quoted(field) if re.search(_NEEDS_QUOTES, field) else field for field in listed)


def format_pairs(pairs: Mapping[str, str]) -> str:
    """Join ``pairs`` into one record of ``key=value`` fields, in their order."""
    return format_fields(f"{key}={value}" for key, value in pairs.items())


def _quoted(field: str) -> str:
    doubled = field.replace('"', '""')
    return f'"{doubled}"'
