"""Definitions in JSON: the same blocks and arguments, with strings as templates.

https://github.com/hashicorp/hcl/blob/main/json/spec.md says how. A block's labels are the keys of nested
objects; an array of objects stands for several blocks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, NoReturn, TypeAlias

from router.bake.bodies import Attribute, Block, Body
from router.bake.constructors import ObjectCons, TupleCons
from router.bake.nodes import Literal, Node, Scope
from router.bake.numbers import parse_number
from router.bake.places import DefinitionFault, Place, Source
from router.bake.templates import Parser, parse_template
from router.bake.tokens import scan
from router.bake.values import NULL, Value, normal_text

__all__ = ["JSONText", "parse_json"]

_DEEPEST = 100
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]|\\.)*)"')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_WORDS: Mapping[str, Value] = {"true": True, "false": False, "null": NULL}
_COMMENT = "//"


class _Object(NamedTuple):
    place: Place
    members: Sequence[tuple[JSONText, _Found]]


class _Array(NamedTuple):
    place: Place
    elements: Sequence[_Found]


_Found: TypeAlias = "_Object | _Array | Node"


class JSONText(Node):
    """A string: a template where it is a value, an expression where a name or a type is wanted."""

    __slots__ = ("_node", "text")

    def __init__(self, place: Place, text: str) -> None:
        self.place = place
        self.text = text
        self._node: Node | None = None

    def evaluate(self, scope: Scope) -> Value:
        """Return the template's value."""
        try:
            return self._template().evaluate(scope)
        except DefinitionFault as fault:
            raise self._here(fault) from None

    def children(self) -> Sequence[Node]:
        """Return the template."""
        return (self._template(),)

    def expression(self) -> Node:
        """Return the expression that the string is, read as HCL's native syntax."""
        try:
            parser = Parser(scan(Source(self.place.source.name, self.text)))
            node = parser.expression()
            if parser.peek() != "end":
                parser.fail("there is more than one expression")
        except DefinitionFault as fault:
            raise self._here(fault) from None
        return node

    def _template(self) -> Node:
        if self._node is None:
            if "${" not in self.text and "%{" not in self.text:
                self._node = Literal(self.place, normal_text(self.text))
            else:
                try:
                    self._node = parse_template(Source(self.place.source.name, self.text))
                except DefinitionFault as fault:
                    raise self._here(fault) from None
        return self._node

    def _here(self, fault: DefinitionFault) -> DefinitionFault:
        """Say of a fault in the template where the string stands: the template has no lines of its own."""
        if fault.place is not None and fault.place.source.text is self.text:
            fault.place = self.place
        return fault


def parse_json(source: Source, blocks: Mapping[str, Mapping[str, object]]) -> Body:
    """Read a file. ``blocks`` says which properties are blocks with a label, and which of theirs are blocks
    too."""
    reader = _Reader(source)
    found = reader.document()
    attributes: dict[str, Attribute] = {}
    made: list[Block] = []
    for one in _objects(found, "a definition must be an object"):
        for key, value in one.members:
            if key.text in blocks:
                made += _labeled(key, value, tuple(blocks[key.text]))
            elif key.text != _COMMENT:
                attributes[key.text] = Attribute(key.text, _node(value), key.place)
    return Body(attributes, made)


def _objects(found: _Found, message: str) -> Iterator[_Object]:
    for each in found.elements if isinstance(found, _Array) else [found]:
        if not isinstance(each, _Object):
            raise DefinitionFault(message, each.place)
        yield each


def _labeled(kind: JSONText, found: _Found, nested: Sequence[str]) -> Iterator[Block]:
    if _is_null(found):
        return
    for one in _objects(found, f"{kind.text} must be an object: its keys are names"):
        for label, body in one.members:
            if not _is_null(body):
                yield from _bodies(kind.text, (label.text,), label.place, body, nested)


def _bodies(
    kind: str, labels: tuple[str, ...], place: Place, found: _Found, nested: Sequence[str]
) -> Iterator[Block]:
    for one in _objects(found, f"{kind} must be an object"):
        attributes: dict[str, Attribute] = {}
        blocks: list[Block] = []
        for key, value in one.members:
            if key.text == _COMMENT:
                continue
            if key.text in nested:
                blocks += _bodies(key.text, (), key.place, value, ())
            elif key.text in attributes:
                raise DefinitionFault(f'the argument "{key.text}" stands here twice', key.place)
            else:
                attributes[key.text] = Attribute(key.text, _node(value), key.place)
        yield Block(kind, labels, attributes, blocks, place)


def _is_null(found: _Found) -> bool:
    return isinstance(found, Literal) and found.value is NULL


def _node(found: _Found) -> Node:
    if isinstance(found, _Object):
        return ObjectCons(found.place, [(key, _node(value)) for key, value in found.members])
    if isinstance(found, _Array):
        return TupleCons(found.place, [_node(each) for each in found.elements])
    return found


class _Reader:
    """Reads JSON, and keeps where everything stands."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._at = 0
        self._depth = 0

    def document(self) -> _Found:
        self._at += self._text.startswith("\ufeff")
        found = self._value()
        self._space()
        if self._at < len(self._text):
            self._fail("there is more after the end of the JSON")
        return found

    def _space(self) -> str:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _fail(self, message: str) -> NoReturn:
        raise self._fault(message)

    def _fault(self, message: str) -> DefinitionFault:
        return DefinitionFault(message, self._source.place(self._at, self._at + 1))

    def _place(self, begin: int) -> Place:
        return self._source.place(begin, self._at)

    def _value(self) -> _Found:
        first = self._space()
        begin = self._at
        if first == '"':
            return self._string()
        if first in {"{", "["} and first:
            self._depth += 1
            if self._depth > _DEEPEST:
                self._fail("the JSON is nested too deeply")
            found = self._object(begin) if first == "{" else self._array(begin)
            self._depth -= 1
            return found
        number = _NUMBER.match(self._text, begin)
        if number is not None:
            self._at = number.end()
            value = parse_number(number[0])
            return Literal(self._place(begin), 0 if value is None else value)
        word = _WORD.match(self._text, begin)
        if word is not None and word[0] in _WORDS:
            self._at = word.end()
            return Literal(self._place(begin), _WORDS[word[0]])
        raise self._fault(
            "a JSON value is missing here: a string, a number, an array, an object, true, false or null"
        )

    def _string(self) -> JSONText:
        begin = self._at
        match = _STRING.match(self._text, begin)
        if match is None:
            self._fail("the string has no end, or contains a control character")
        self._at = match.end()
        text = match[1]
        if "\\" in text:
            text = self._unescaped(match)
        return JSONText(self._place(begin), text)

    def _unescaped(self, match: re.Match[str]) -> str:
        try:
            text = str(json.JSONDecoder().decode(match[0]))  # noqa: TID251 -- one string, with its bounds known
        except ValueError:
            self._at = match.start()
            self._fail("the string has a wrong escape sequence")
        # A lone surrogate is no character.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _object(self, begin: int) -> _Object:
        self._at += 1
        members: list[tuple[JSONText, _Found]] = []
        while self._space() != "}":
            if members:
                self._comma("}")
                if self._space() == "}":
                    self._fail("there is a comma behind the last property")
            if self._space() != '"':
                self._fail("a property's name in double quotes is required here")
            key = self._string()
            if self._space() != ":":
                self._fail("a colon (:) is missing between the property's name and its value")
            self._at += 1
            members.append((key, self._value()))
        self._at += 1
        return _Object(self._place(begin), members)

    def _array(self, begin: int) -> _Array:
        self._at += 1
        elements: list[_Found] = []
        while self._space() != "]":
            if elements:
                self._comma("]")
                if self._space() == "]":
                    self._fail("there is a comma behind the last element")
            elements.append(self._value())
        self._at += 1
        return _Array(self._place(begin), elements)

    def _comma(self, end: str) -> None:
        if self._space() != ",":
            self._fail(f"a comma or {end} is missing here")
        self._at += 1
