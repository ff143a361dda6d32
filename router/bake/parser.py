"""HCL's native syntax: expressions out of tokens.

Operators by precedence climbing, then what follows a term: attributes, indexes, splats. Newlines end an
expression where they stand between arguments, and are nothing within brackets, parentheses and templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from router.bake.constructors import For, ObjectCons, Splat, TupleCons
from router.bake.nodes import Call, Index, Literal, Node, Parentheses, Step, Traversal, Variable
from router.bake.numbers import parse_number
from router.bake.operations import Binary, Conditional, Unary
from router.bake.places import DefinitionFault, Place
from router.bake.tokens import Tokens
from router.bake.values import NULL, Value, normal_text

__all__ = ["ExpressionParser"]

_PRECEDENCE: Mapping[str, int] = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!="), 3),
    **dict.fromkeys((">", ">=", "<", "<="), 4),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/", "%"), 6),
}
_KEYWORDS: Mapping[str, Value] = {"true": True, "false": False, "null": NULL}
_DEEPEST = 100
"""Levels of brackets that are read; HCL itself knows no bound, and Python's stack does."""


class ExpressionParser:
    """Reads expressions from tokens. ``template`` reads those within strings and heredocs."""

    def __init__(self, tokens: Tokens) -> None:
        self._source = tokens.source
        self.kinds = tokens.kinds
        self.texts = tokens.texts
        self.begins = tokens.begins
        self.at = 0
        self._newlines = True
        self._depth = 0

    def template(self, end: str, *, flush: bool = False) -> Node:
        """Return the string that goes up to a token of this kind."""
        raise NotImplementedError

    def place(self, begin: int, end: int | None = None) -> Place:
        """Return the stretch from a token to before another; to the end of what was read unless given."""
        last = (self.at if end is None else end) - 1
        while last > begin and self.kinds[last] == "newline":
            last -= 1
        return Place(self._source, self.begins[begin], self.begins[last] + len(self.texts[last]))

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        """Raise a fault at a token, the next one unless given."""
        raise self.fault(message, at)

    def fault(self, message: str, at: int | None = None) -> DefinitionFault:
        """Return a fault at a token, the next one unless given."""
        index = self.at if at is None else at
        begin = self.begins[index]
        return DefinitionFault(
            message, Place(self._source, begin, begin + max(1, len(self.texts[index].rstrip())))
        )

    def peek(self) -> str:
        """Return the kind of the next token."""
        if not self._newlines:
            kinds = self.kinds
            while kinds[self.at] == "newline":
                self.at += 1
        return self.kinds[self.at]

    def expect(self, kind: str, message: str) -> None:
        """Read a token of this kind."""
        if self.peek() != kind:
            self.fail(message)
        self.at += 1

    def expression(self) -> Node:
        """Read an expression."""
        self._depth += 1
        if self._depth > _DEEPEST:
            self.fail("expressions are nested too deeply")
        begin = self.at
        node = self._binary(1)
        if self.peek() == "?":
            begin = self._first(begin)
            self.at += 1
            yes = self.expression()
            self.expect(":", "a conditional needs a colon (:) and what the result is otherwise")
            no = self.expression()
            node = Conditional(self.place(begin), node, yes, no)
        self._depth -= 1
        return node

    def within(self, *, newlines: bool) -> bool:
        """Say whether newlines count from now on; return whether they did."""
        before, self._newlines = self._newlines, newlines
        return before

    def _first(self, begin: int) -> int:
        while self.kinds[begin] == "newline":
            begin += 1
        return begin

    def _binary(self, lowest: int) -> Node:
        begin = self.at
        node = self._unary()
        while True:
            operator = self.peek()
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence < lowest:
                return node
            self.at += 1
            right = self._binary(precedence + 1)
            node = Binary(self.place(self._first(begin)), node, operator, right)

    def _unary(self) -> Node:
        kind = self.peek()
        if kind not in {"-", "!"}:
            return self._traversals(self._term())
        begin = self.at
        self.at += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            self.fail("expressions are nested too deeply")
        operand = self._unary()
        self._depth -= 1
        return Unary(self.place(begin), kind, operand)

    def _term(self) -> Node:
        kind = self.peek()
        begin = self.at
        text = self.texts[begin]
        self.at += 1
        if kind == "string":
            return Literal(self.place(begin), normal_text(text[1:-1]))
        if kind == "ident":
            if self.peek() in {"(", "::"}:
                return self._call(begin)
            if text in _KEYWORDS:
                return Literal(self.place(begin, begin + 1), _KEYWORDS[text])
            return Traversal(self.place(begin, begin + 1), text, None, [])
        if kind == "number":
            return self._number(begin)
        if kind == "quote":
            return self.template("end quote")
        if kind == "heredoc":
            return self.template("end heredoc", flush=text.startswith("<<-"))
        if kind == "(":
            return self._parentheses(begin)
        if kind == "[":
            return self._tuple(begin)
        if kind == "{":
            return self._object(begin)
        self.at = begin
        if kind in {"end", "newline"}:
            self.fail("an expression is missing here", begin)
        raise self.fault(f"an expression can't begin with {text.strip() or kind}", begin)

    def _number(self, begin: int) -> Node:
        value = parse_number(self.texts[begin])
        if value is None:
            self.fail(f"{self.texts[begin]} is not a number", begin)
        return Literal(self.place(begin, begin + 1), value)

    def _parentheses(self, begin: int) -> Node:
        before = self.within(newlines=False)
        inner = self.expression()
        self.expect(")", "a closing parenthesis is missing here")
        self.within(newlines=before)
        return Parentheses(self.place(begin), inner)

    def _call(self, begin: int) -> Node:
        name = self.texts[begin]
        while self.peek() == "::":
            self.at += 1
            if self.peek() != "ident":
                self.fail("a function's name is missing after ::")
            name += "::" + self.texts[self.at]
            self.at += 1
        before = self.within(newlines=False)
        self.expect("(", "the arguments of the function are missing")
        arguments: list[Node] = []
        expand = False
        while self.peek() != ")":
            arguments.append(self.expression())
            if self.peek() == "...":
                self.at += 1
                expand = True
                if self.peek() == ",":
                    self.at += 1
                if self.peek() != ")":
                    self.fail("an argument with an ellipsis (...) must be the last one")
                break
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != ")":
                self.fail("a comma or a closing parenthesis is missing between the function's arguments")
        self.at += 1
        self.within(newlines=before)
        return Call(self.place(begin), name, arguments, expand=expand)

    def _tuple(self, begin: int) -> Node:
        before = self.within(newlines=False)
        if self.peek() == "ident" and self.texts[self.at] == "for":
            return self._for(begin, "]", before=before)
        items: list[Node] = []
        while self.peek() != "]":
            items.append(self.expression())
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != "]":
                self.fail("a comma or a closing bracket is missing between the elements")
        self.at += 1
        self.within(newlines=before)
        return TupleCons(self.place(begin), items)

    def _object(self, begin: int) -> Node:
        before = self.within(newlines=False)
        if self.peek() == "ident" and self.texts[self.at] == "for":
            return self._for(begin, "}", before=before)
        self.within(newlines=True)
        items: list[tuple[Node, Node]] = []
        while (kind := self.peek()) != "}":
            if kind == "newline":
                self.at += 1
                continue
            items.append(self._object_item())
            kind = self.peek()
            if kind in {",", "newline"}:
                self.at += 1
            elif kind != "}":
                self.fail("a newline or a comma is missing between the attributes")
        self.at += 1
        self.within(newlines=before)
        return ObjectCons(self.place(begin), items)

    def _object_item(self) -> tuple[Node, Node]:
        key = self.expression()
        if self.peek() not in {"=", ":"}:
            self.fail("an equals sign (=) and the attribute's value are missing here")
        self.at += 1
        return key, self.expression()

    def _for(self, begin: int, close: str, *, before: bool) -> Node:
        self.at += 1
        names = [self._name("for needs the name of a variable")]
        if self.peek() == ",":
            self.at += 1
            names.append(self._name("for needs the name of a variable after the comma"))
        if self.peek() != "ident" or self.texts[self.at] != "in":
            self.fail('for needs the word "in" after the names')
        self.at += 1
        collection = self.expression()
        self.expect(":", "for needs a colon (:) after the collection")
        key, value = None, self.expression()
        if self.peek() == "=>":
            self.at += 1
            if close == "]":
                self.fail("for in brackets makes a tuple, which has no keys: use braces", self.at - 1)
            key, value = value, self.expression()
        elif close == "}":
            self.fail("for in braces needs a key, then =>, and a value")
        group = self.peek() == "..."
        if group:
            if key is None:
                self.fail("only for in braces can group (...)")
            self.at += 1
        condition = None
        if self.peek() == "ident" and self.texts[self.at] == "if":
            self.at += 1
            condition = self.expression()
        self.expect(close, f"for needs {close} at its end")
        self.within(newlines=before)
        pair = (names[0], names[1]) if len(names) == 2 else ("", names[0])
        return For(
            self.place(begin), pair, collection, key=key, value=value, condition=condition, group=group
        )

    def _name(self, message: str) -> str:
        if self.peek() != "ident":
            self.fail(message)
        self.at += 1
        return self.texts[self.at - 1]

    def _traversals(self, node: Node) -> Node:
        while True:
            kind = self.peek()
            if kind == ".":
                node = self._after_dot(node)
            elif kind == "[":
                node = self._after_bracket(node)
            else:
                return node

    def _step(self, node: Node, begin: int, key: Value, *, attribute: bool) -> Node:
        step: Step = (self.place(begin), key, attribute)
        if isinstance(node, Traversal):
            node.steps.append(step)
            node.place = Place(self._source, node.place.begin, step[0].end)
            return node
        return Traversal(Place(self._source, node.place.begin, step[0].end), "", node, [step])

    def _after_dot(self, node: Node) -> Node:
        begin = self.at
        self.at += 1
        kind = self.peek()
        text = self.texts[self.at]
        if kind == "ident":
            self.at += 1
            return self._step(node, begin, text, attribute=True)
        if kind == "number":
            self.at += 1
            for part in text.split("."):
                if not part.isdigit():
                    self.fail("an index after a dot must be a whole number", self.at - 1)
                node = self._step(node, begin, int(part), attribute=False)
            return node
        if kind == "*":
            self.at += 1
            item = Variable(self.place(begin), "*")
            each: Node = item
            while self.peek() == "." and self.kinds[self.at + 1] in {"ident", "number"}:
                each = self._after_dot(each)
            return Splat(self._joined(node), node, item, each)
        raise self.fault("an attribute's name is missing after the dot", begin)

    def _after_bracket(self, node: Node) -> Node:
        begin = self.at
        self.at += 1
        if self.peek() == "*":
            self.at += 1
            self.expect("]", "a closing bracket is missing after [*")
            item = Variable(self.place(begin), "*")
            each = self._traversals(item)
            return Splat(self._joined(node), node, item, each)
        before = self.within(newlines=False)
        key = self.expression()
        self.expect("]", "a closing bracket is missing after the index")
        self.within(newlines=before)
        if isinstance(key, Literal):
            return self._step(node, begin, key.value, attribute=False)
        return Index(self._joined(node), node, key)

    def _joined(self, node: Node) -> Place:
        last = self.at - 1
        return Place(self._source, node.place.begin, self.begins[last] + len(self.texts[last]))
