"""Kubernetes objects as YAML with the reasons beside the settings. Pure.

Printed by hand, because a comment has no place in what PyYAML dumps.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from router.provision.manifests import Object
from router.provision.remarks import REMARKS

__all__ = ["manifests_as_yaml"]

_WIDTH = 118
# What may stand without quotes, between brackets too, unless YAML takes it for a number, a date or a word.
_PLAIN = r"(?a)[\w./=-](?:[\w ./@%+*=:-]*[\w./@%+*=-])?"


def manifests_as_yaml(objects: Iterable[Object]) -> str:
    """Return the objects as one stream of documents."""
    return "---\n".join("".join(f"{line}\n" for line in _document(each)) for each in objects)


def _document(each: Object) -> Iterator[str]:
    yield from _remark(each["kind"], "")
    yield from _mapping(each, "", each["kind"])


def _mapping(values: Mapping[str, Any], indent: str, path: str) -> Iterator[str]:
    for key, value in values.items():
        within = f"{path}.{key}"
        yield from _remark(within, indent)
        yield from _entry(f"{indent}{_scalar(key)}:", value, indent, within)


def _entry(head: str, value: Any, indent: str, path: str) -> Iterator[str]:
    """Yield a value behind its key."""
    match value:
        case dict() if value:
            yield head
            yield from _mapping(value, f"{indent}  ", path)
        case list() if value and not _fits(f"{head} {_flow(value, path)}", value, path):
            yield head
            yield from _sequence(value, f"{indent}  ", path)
        case dict() | list():
            yield f"{head} {_flow(value, path)}"
        case str() if "\n" in value:
            yield f"{head} |{'' if value.endswith(chr(10)) else '-'}"
            yield from (f"{indent}  {line}".rstrip() for line in value.rstrip("\n").split("\n"))
        case _:
            yield f"{head} {_scalar(value)}"


def _sequence(values: Sequence[Any], indent: str, path: str) -> Iterator[str]:
    for value in values:
        within = f"{path}[{_name(value)}]"
        yield from _remark(within, indent)
        if not isinstance(value, dict) or not value:
            yield f"{indent}- {_scalar(value)}"
            continue
        # The dash takes the place of the first key's indentation; a remark on that key goes above it.
        for number, line in enumerate(_mapping(value, f"{indent}  ", within)):
            yield f"{indent}- {line[len(indent) + 2 :]}" if number == 0 else line


def _name(value: Any) -> str:
    """Return what an element of a list is called in the path of its settings."""
    if not isinstance(value, dict):
        return str(value)
    if isinstance(resources := value.get("resources"), list):
        return str(resources[0])
    return str(value.get("name", ""))


def _fits(line: str, values: Sequence[Any], path: str) -> bool:
    plain = all(isinstance(value, str | int) for value in values)
    remarked = any(f"{path}[{_name(value)}]" in REMARKS for value in values)
    return plain and not remarked and len(line) <= _WIDTH - 40


def _flow(value: Any, path: str) -> str:
    if isinstance(value, dict):
        return "{}"
    return f"[{', '.join(_scalar(each) for each in value)}]" if value and path else "[]"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if _is_plain(value) else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _is_plain(value: str) -> bool:
    if re.fullmatch(_PLAIN, value) is None or ": " in value or value[:2] in {"- ", "-"}:
        return False
    return bool(yaml.safe_load(f"[{value}]") == [value])


def _remark(path: str, indent: str) -> Iterator[str]:
    if why := REMARKS.get(path):
        yield from textwrap.wrap(why, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
