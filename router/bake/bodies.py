"""What a file of a definition consists of, in either syntax: arguments, and blocks with a type and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from router.bake.nodes import Literal, Node
from router.bake.places import DefinitionFault, Place, Source
from router.bake.templates import Parser
from router.bake.tokens import Tokens, scan

__all__ = ["Attribute", "Block", "Body", "parse_native"]

_DEEPEST = 30


class Attribute(NamedTuple):
    """``name = expression``."""

    name: str
    expression: Node
    place: Place


class Block(NamedTuple):
    """``type "label" { ... }``; ``place`` is where its type and labels stand."""

    type: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    blocks: Sequence[Block]
    place: Place


class Body(NamedTuple):
    """A file's arguments and blocks."""

    attributes: Mapping[str, Attribute]
    blocks: Sequence[Block]


def parse_native(source: Source) -> Body:
    """Read a file in HCL's native syntax."""
    return _BodyParser(scan(source)).body("end")


class _BodyParser(Parser):
    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self._blocks = 0

    def body(self, end: str) -> Body:
        attributes: dict[str, Attribute] = {}
        blocks: list[Block] = []
        while (kind := self.kinds[self.at]) != end:
            if kind == "newline":
                self.at += 1
            elif kind == "ident":
                if self.kinds[self.at + 1] == "=":
                    self._add(attributes, self._attribute(end))
                else:
                    blocks.append(self._block())
            elif kind == "end":
                self.fail("a block has no closing brace (}) before the end of the file")
            else:
                self.fail("an argument or a block is required here")
        return Body(attributes, blocks)

    def _add(self, attributes: dict[str, Attribute], attribute: Attribute) -> None:
        known = attributes.get(attribute.name)
        if known is not None:
            raise DefinitionFault(
                f'the argument "{attribute.name}" was already set on line {known.place.line}', attribute.place
            )
        attributes[attribute.name] = attribute

    def _attribute(self, end: str) -> Attribute:
        attribute = self._argument()
        kind = self.kinds[self.at]
        if kind == "newline":
            self.at += 1
        elif kind not in {"end", end}:
            self.fail("a newline is missing after the argument")
        return attribute

    def _argument(self) -> Attribute:
        begin = self.at
        self.at += 2
        return Attribute(self.texts[begin], self.expression(), self.place(begin, begin + 1))

    def _block(self) -> Block:
        begin = self.at
        block_type = self.texts[begin]
        self.at += 1
        labels: list[str] = []
        while (kind := self.kinds[self.at]) != "{":
            if kind == "ident":
                labels.append(self.texts[self.at])
                self.at += 1
            elif kind in {"string", "quote"}:
                labels.append(self._label())
            else:
                self.fail("either an equals sign (=) for an argument or a block with braces is required here")
        place = self.place(begin)
        self.at += 1
        self._blocks += 1
        if self._blocks > _DEEPEST:
            self.fail("blocks are nested too deeply")
        body = self.body("}") if self.kinds[self.at] == "newline" else self._one_line()
        self._blocks -= 1
        self.at += 1
        if self.kinds[self.at] not in {"newline", "end", "}"}:
            self.fail("a newline is missing after the block")
        return Block(block_type, tuple(labels), body.attributes, body.blocks, place)

    def _one_line(self) -> Body:
        """Read the body of a block that ends on its first line: it has one argument at most."""
        attributes: dict[str, Attribute] = {}
        if self.kinds[self.at] == "ident" and self.kinds[self.at + 1] == "=":
            only = self._argument()
            attributes[only.name] = only
        if self.kinds[self.at] != "}":
            self.fail("a block on one line has one argument, and its closing brace (}) stands behind that")
        return Body(attributes, ())

    def _label(self) -> str:
        begin = self.at
        label = self._term()
        if not isinstance(label, Literal):
            self.fail("a label can't contain templates", begin)
        return str(label.value)
