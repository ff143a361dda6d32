"""YAML as compose files have it: values, lists and mappings, with what is to be reset or overridden.

Which plain scalars are numbers and bools is as in YAML 1.2 (``yes`` is a text). Aliases are counted as what
they stand for, so that few lines can't become very much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import yaml

from router.bake.places import DefinitionFault

__all__ = ["Document", "read_documents"]

_MOST_VALUES = 200_000
_DEEPEST = 100
_INTEGER = r"[-+]?(?:0|[1-9][\d_]*)\Z"
_BASED = r"([-+]?)0(?:([xob])([0-9a-fA-F_]+)|([0-7_]+))\Z"
_FLOAT = r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?\Z"
_DATE = r"(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]| +)(\d\d?):(\d\d?):(\d\d?)(Z?))?\Z"
_SPECIAL = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}
_BASES = {"x": 16, "o": 8, "b": 2}
_QUOTED = frozenset({"'", '"', "|", ">"})
_PREFIX = "tag:yaml.org,2002:"


class Document(NamedTuple):
    """A document: its value, and the paths at which what stood there before is dropped (``!reset``)."""

    value: Any
    resets: tuple[tuple[str, ...], ...]


def read_documents(name: str, text: str) -> Iterator[Document]:
    """Go through the documents of a file. Raises ``DefinitionFault``."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(name, text, loader)
        for node in yaml.compose_all(text, Loader=loader):
            reader = _Reader(name)
            value = reader.value(node, (), 0)
            yield Document(None if value is _DROPPED else value, tuple(reader.resets))
    except yaml.YAMLError as exc:
        raise DefinitionFault(f"{name} is not valid YAML: {_what(exc)}") from None
    except RecursionError:
        raise DefinitionFault(f"{name} is nested too deeply") from None
    except ValueError as exc:  # a character that YAML can't have
        raise DefinitionFault(f"{name} is not valid YAML: {exc}") from None


def _check_depth(name: str, text: str, loader: Any) -> None:
    """Raise ``DefinitionFault`` where so much is nested that the C parser would overflow its stack."""
    if sum(text.count(mark) for mark in ("[", "{", "- ", "? ", ": ", ":\n")) <= _DEEPEST:
        return
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise DefinitionFault(f"{name} is nested too deeply")


def _what(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it can't be read"
    return problem if mark is None else f"{problem} (line {mark.line + 1}, column {mark.column + 1})"


_DROPPED = object()


class _Reader:
    def __init__(self, name: str) -> None:
        self.resets: list[tuple[str, ...]] = []
        self._name = name
        self._left = _MOST_VALUES

    def _fail(self, node: yaml.Node, why: str) -> DefinitionFault:
        return DefinitionFault(f"{self._name}: line {node.start_mark.line + 1}: {why}")

    def value(self, node: yaml.Node, path: tuple[str, ...], depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise self._fail(node, f"the file stands for more than {_MOST_VALUES} values")
        if depth > _DEEPEST:
            raise self._fail(node, "the file is nested too deeply")
        if node.tag == "!reset":
            self.resets.append(path)
            return _DROPPED
        if node.tag == "!override":
            self.resets.append(path)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            items = [
                self.value(each, (*path, str(number)), depth + 1) for number, each in enumerate(node.value)
            ]
            return [each for each in items if each is not _DROPPED]
        return _scalar(node) if isinstance(node, yaml.ScalarNode) else None

    def _mapping(self, node: yaml.MappingNode, path: tuple[str, ...], depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        inherited: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == f"{_PREFIX}merge" or (key.value == "<<" and key.style not in _QUOTED):
                inherited |= self._inherited(value, path, depth)
                continue
            if not isinstance(key, yaml.ScalarNode) or not isinstance(_scalar(key), str):
                raise self._fail(key, "a key must be a text")
            name = str(key.value)
            if name in made:
                raise self._fail(key, f'the key "{name}" stands here twice')
            found = self.value(value, (*path, name), depth + 1)
            if found is not _DROPPED:
                made[name] = found
        return {**inherited, **made}

    def _inherited(self, node: yaml.Node, path: tuple[str, ...], depth: int) -> dict[str, Any]:
        """Return what a merge key (``<<``) stands for; of several mappings the first counts."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Any] = {}
        for each in nodes:
            value = self.value(each, path, depth + 1)
            if not isinstance(value, dict):
                raise self._fail(each, "<< needs a mapping")
            found = {**value, **found}
        return found


def _scalar(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    kind = str(node.tag).removeprefix(_PREFIX)
    if node.style in _QUOTED or (kind == "str" and _tagged(node)):
        return text
    return _plain(text)


def _tagged(node: yaml.ScalarNode) -> bool:
    """Whether a plain scalar is a text by its tag: it takes up more than its own characters (``!!str 1``)."""
    return bool(node.end_mark.index - node.start_mark.index > len(node.value))


def _plain(text: str) -> Any:
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE"}:
        return True
    if text in {"false", "False", "FALSE"}:
        return False
    first = text[0]
    if not (first.isdigit() or first in "+-."):
        return text
    return _number(text)


def _number(text: str) -> Any:
    if len(text) > 100:
        return text
    if re.match(_INTEGER, text):
        return int(text.replace("_", ""))
    based = re.match(_BASED, text)
    if based is not None:
        digits, base = (based[3], _BASES[based[2]]) if based[2] else (based[4], 8)
        try:
            value = int(digits.replace("_", ""), base)
        except ValueError:
            return text
        return -value if based[1] == "-" else value
    plain = text.replace("_", "")
    if re.match(_FLOAT, plain):
        return float(plain)
    return _SPECIAL.get(text.lower()) or _date(text)


def _date(text: str) -> str:
    """Return a text; a date or a time that is not in quotes is one for YAML, written as Go writes it."""
    match = re.match(_DATE, text)
    # With a T it has a zone, and without it none.
    if match is None or ("t" in text.lower()) is not bool(match[7]):
        return text
    try:
        year, month, day, hour, minute, second = (int(each or 0) for each in match.groups()[:6])
        found = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return text
    return f"{found:%Y-%m-%d %H:%M:%S} +0000 UTC"
