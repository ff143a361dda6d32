"""Strings and heredocs with templates, out of tokens: ``${...}``, ``%{if}``, ``%{for}``, and ``~`` that
trims.

The parts are first a list, because trimming and a heredoc's common indentation (``<<-``) are matters of what
stands beside what; then ``if`` and ``for`` make trees of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from router.bake.constructors import For
from router.bake.nodes import Literal, Node, Template, TemplateJoin, Wrapped
from router.bake.operations import Conditional
from router.bake.parser import ExpressionParser
from router.bake.places import DefinitionFault, Place, Source
from router.bake.tokens import scan_template
from router.bake.values import normal_text

__all__ = ["Parser", "parse_template"]

_ESCAPE = r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|(\$|%)\2\{"
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_DEEPEST = 60


class _Text(NamedTuple):
    place: Place
    text: str


class _Directive(NamedTuple):
    """``if``, ``for`` or what ends them; of ``for`` the names, and of both what they look at."""

    place: Place
    word: str
    names: tuple[str, str] = ("", "")
    node: Node | None = None


_Part: TypeAlias = _Text | _Directive | Node


class Parser(ExpressionParser):
    """Reads expressions, templates among them."""

    def template(self, end: str, *, flush: bool = False) -> Node:
        """Return the string up to a token of this kind; ``flush`` takes away the indentation common to all
        lines."""
        begin = self.at - 1 if end != "end" else self.at
        before = self.within(newlines=False)
        parts = self._parts(end)
        self.within(newlines=before)
        if flush:
            parts = _flushed(parts)
        place = self.place(begin)
        nodes = _Trees(parts, place).all()
        if len(nodes) == 1 and len(parts) == 1 and not isinstance(parts[0], _Text | _Directive):
            return Wrapped(place, nodes[0])
        texts = [each.value for each in nodes if isinstance(each, Literal) and isinstance(each.value, str)]
        if len(texts) == len(nodes):
            return Literal(place, normal_text("".join(texts)))
        return Template(place, nodes)

    def _parts(self, end: str) -> list[_Part]:
        parts: list[_Part] = []
        trim_next = False
        while (kind := self.kinds[self.at]) != end:
            text = self.texts[self.at]
            begin = self.at
            self.at += 1
            if kind == "literal":
                literal = self._literal(begin, quoted=end == "end quote")
                # A heredoc has a literal for each line; trimming ends at the first.
                parts.append(_Text(self.place(begin, begin + 1), literal.lstrip() if trim_next else literal))
                trim_next = False
                continue
            if kind not in {"interpolation", "directive"}:
                self.fail("the string has no end", begin)
            if text.endswith("~") and parts and isinstance(last := parts[-1], _Text):
                parts[-1] = last._replace(text=last.text.rstrip())
            parts.append(self.expression() if kind == "interpolation" else self._directive(begin))
            if self.peek() != "template end":
                self.fail(
                    "a closing brace (}) is missing here; to write ${ or %{ itself, double the $ or the %"
                )
            trim_next = self.texts[self.at].startswith("~")
            self.at += 1
        self.at += 1
        return parts

    def _directive(self, begin: int) -> _Directive:
        if self.peek() != "ident":
            self.fail("a directive needs a word: if, else, endif, for or endfor")
        word = self.texts[self.at]
        self.at += 1
        if word == "if":
            return _Directive(self.place(begin), word, node=self.expression())
        if word == "for":
            names = [self._name("for needs the name of a variable")]
            if self.peek() == ",":
                self.at += 1
                names.append(self._name("for needs the name of a variable after the comma"))
            if self.peek() != "ident" or self.texts[self.at] != "in":
                self.fail('for needs the word "in" after the names')
            self.at += 1
            pair = (names[0], names[1]) if len(names) == 2 else ("", names[0])
            return _Directive(self.place(begin), word, pair, self.expression())
        if word in {"else", "endif", "endfor"}:
            return _Directive(self.place(begin), word)
        raise self.fault(f'"{word}" is no directive: use if, else, endif, for or endfor', self.at - 1)

    def _literal(self, index: int, *, quoted: bool) -> str:
        text = self.texts[index]
        if "{" not in text and not (quoted and "\\" in text):
            return text
        begin = self.begins[index]

        def replaced(match: re.Match[str]) -> str:
            selected: str | None = match[1]
            if selected is None:
                return f"{match[2]}{{"
            if not quoted:
                return match[0]
            if selected in _SIMPLE:
                return _SIMPLE[selected]
            if (
                len(selected) > 1
                and not 0xD800 <= (code := int(selected[1:], 16)) <= 0xDFFF
                and code <= 0x10FFFF
            ):
                return chr(code)
            place = Place(self._source, begin + match.start(), begin + match.end())
            raise DefinitionFault(f"\\{selected} is no escape sequence", place)

        return re.sub(_ESCAPE if quoted else r"(?!)()|(\$|%)\2\{", replaced, text)


def _flushed(parts: Sequence[_Part]) -> list[_Part]:
    """Take away the indentation that all lines of a heredoc have in common."""
    smallest: int | None = None
    at_line_start = True
    adjusted: list[int] = []
    for number, part in enumerate(parts):
        if at_line_start:
            at_line_start = False
            spaces = 0
            if isinstance(part, _Text):
                stripped = part.text.lstrip()
                blank = not stripped and part.text.endswith("\n")
                if not blank:
                    adjusted.append(number)
                    spaces = len(part.text) - len(stripped)
                if blank:
                    at_line_start = True
                    continue
            smallest = spaces if smallest is None else min(smallest, spaces)
        if isinstance(part, _Text) and part.text.endswith("\n"):
            at_line_start = True
    flushed = list(parts)
    for number in adjusted:
        text = flushed[number]
        if isinstance(text, _Text):
            flushed[number] = text._replace(text=text.text[smallest or 0 :])
    return flushed


class _Trees:
    """Makes trees of a template's parts."""

    def __init__(self, parts: Sequence[_Part], place: Place) -> None:
        self._parts = parts
        self._place = place
        self._at = 0
        self._depth = 0

    def all(self) -> list[Node]:
        nodes, end = self._until(None)
        if end is not None:
            raise DefinitionFault(f"there is nothing that this {end.word} belongs to", end.place)
        return nodes or [Literal(self._place, "")]

    def _until(self, opening: _Directive | None) -> tuple[list[Node], _Directive | None]:
        """Return the nodes up to a directive that ends something, and the directive."""
        nodes: list[Node] = []
        literal: list[_Text] = []
        while self._at < len(self._parts):
            part = self._parts[self._at]
            self._at += 1
            if isinstance(part, _Text):
                literal.append(part)
                continue
            if literal:
                nodes.append(Literal(literal[0].place, normal_text("".join(each.text for each in literal))))
                literal = []
            if not isinstance(part, _Directive):
                nodes.append(part)
            elif part.word in {"if", "for"}:
                nodes.append(self._block(part))
            else:
                return nodes, part
        if literal:
            nodes.append(Literal(literal[0].place, normal_text("".join(each.text for each in literal))))
        if opening is not None:
            raise DefinitionFault(f"this {opening.word} has no end{opening.word}", opening.place)
        return nodes, None

    def _block(self, opening: _Directive) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise DefinitionFault("directives are nested too deeply", opening.place)
        node = self._for(opening) if opening.word == "for" else self._if(opening)
        self._depth -= 1
        return node

    def _if(self, opening: _Directive) -> Node:
        yes, end = self._until(opening)
        no: list[Node] = []
        if end is not None and end.word == "else":
            no, end = self._until(opening)
        self._check(end, "endif", opening)
        condition = opening.node or Literal(opening.place, value=False)
        return Conditional(
            opening.place, condition, Template(opening.place, yes), Template(opening.place, no)
        )

    def _for(self, opening: _Directive) -> Node:
        body, end = self._until(opening)
        self._check(end, "endfor", opening)
        collection = opening.node or Literal(opening.place, ())
        each = For(
            opening.place,
            opening.names,
            collection,
            key=None,
            value=Template(opening.place, body),
            condition=None,
            group=False,
        )
        return TemplateJoin(opening.place, each)

    @staticmethod
    def _check(end: _Directive | None, word: str, opening: _Directive) -> None:
        if end is None or end.word != word:
            place = opening.place if end is None else end.place
            raise DefinitionFault(f"the {opening.word} that began before this needs {word}", place)


def parse_template(source: Source) -> Node:
    """Return the expression that a string of JSON stands for: a template without HCL's escapes."""
    return Parser(scan_template(source)).template("end")
