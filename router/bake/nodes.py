"""Expressions, as trees that know how to evaluate themselves.

``Scope`` is what they are evaluated in: names by their values, each enclosing the next, and at last the
definition itself, which finds variables, targets and functions when they are asked for. Evaluation raises
``DefinitionFault``, with the place of what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias

from router.bake.bounds import Budget
from router.bake.conversion import convert
from router.bake.operators import attribute_of, index_of
from router.bake.outside import BakeOutside
from router.bake.places import DefinitionFault, Place
from router.bake.values import NULL, STRING, Null, Value, elements_of, normal_text

__all__ = [
    "Call",
    "Function",
    "Globals",
    "Index",
    "Literal",
    "Node",
    "Parentheses",
    "Scope",
    "Step",
    "Template",
    "TemplateJoin",
    "Traversal",
    "Variable",
    "Wrapped",
    "keyword_of",
    "names_in",
]


class Function(Protocol):
    """A function that expressions call."""

    def call(self, call: Call, scope: Scope) -> Value:
        """Evaluate a call's arguments, and return its result."""


class Globals(Protocol):
    """What is known everywhere in a definition."""

    budget: Budget
    outside: BakeOutside

    def find(self, traversal: Traversal) -> tuple[Value, Sequence[Step]]:
        """Return the value that a name stands for, and the steps of the traversal that are left to go from
        it."""

    def function(self, name: str) -> Function | None:
        """Return a function by its name."""


class Scope:
    """Names with their values."""

    __slots__ = ("globals", "names", "parent")

    def __init__(self, known: Globals, names: Mapping[str, Value], parent: Scope | None = None) -> None:
        self.globals = known
        self.names = names
        self.parent = parent

    def inner(self, names: Mapping[str, Value]) -> Scope:
        """Return a scope within this one."""
        return Scope(self.globals, names, self)


class Node:
    """An expression. ``place`` is where it stands."""

    __slots__ = ("place",)

    def __init__(self, place: Place) -> None:
        self.place = place

    def evaluate(self, scope: Scope) -> Value:
        """Return the value of the expression."""
        raise NotImplementedError

    def children(self) -> Sequence[Node]:
        """Return the expressions within this one."""
        return ()

    def local_names(self) -> frozenset[str]:
        """Return the names that this expression gives to all within it but the first."""
        return frozenset()


class Literal(Node):
    """A number, a bool, a null, or a string without templates."""

    __slots__ = ("value",)

    def __init__(self, place: Place, value: Value) -> None:
        self.place = place
        self.value = value

    def evaluate(self, scope: Scope) -> Value:  # noqa: ARG002 -- it needs none
        """Return the value."""
        return self.value


class Template(Node):
    """A string with templates: its parts, each converted to a string."""

    __slots__ = ("parts",)

    def __init__(self, place: Place, parts: Sequence[Node]) -> None:
        self.place = place
        self.parts = parts

    def children(self) -> Sequence[Node]:
        """Return the parts."""
        return self.parts

    def evaluate(self, scope: Scope) -> Value:
        """Return the string."""
        text = "".join([_as_text(part.evaluate(scope), part.place) for part in self.parts])
        scope.globals.budget.spend(1, len(text), self.place)
        return normal_text(text)


def _as_text(value: Value, place: Place) -> str:
    if value.__class__ is str:
        return value
    if isinstance(value, Null):
        raise DefinitionFault("null can't be part of a string", place)
    try:
        return str(convert(value, STRING))
    except DefinitionFault as fault:
        raise DefinitionFault(f"this value can't be part of a string: {fault.message}", place) from None


class Wrapped(Node):
    """A string that is nothing but one template: it has the template's value, whatever its type."""

    __slots__ = ("inner",)

    def __init__(self, place: Place, inner: Node) -> None:
        self.place = place
        self.inner = inner

    def children(self) -> Sequence[Node]:
        """Return the expression."""
        return (self.inner,)

    def evaluate(self, scope: Scope) -> Value:
        """Return its value."""
        return self.inner.evaluate(scope)


class Parentheses(Wrapped):
    """An expression in parentheses."""

    __slots__ = ()


class TemplateJoin(Wrapped):
    """The ``for`` of a template: its parts, joined."""

    __slots__ = ()

    def evaluate(self, scope: Scope) -> Value:
        """Return the string."""
        parts = elements_of(self.inner.evaluate(scope)) or ()
        text = "".join(_as_text(each, self.place) for each in parts)
        scope.globals.budget.spend(len(parts), len(text), self.place)
        return normal_text(text)


Step: TypeAlias = tuple[Place, Value, bool]
"""A step into a value: where it stands, its name or index, and whether it was written as an attribute
(``.name``)."""


def walk(value: Value, steps: Sequence[Step]) -> Value:
    """Return what the steps lead to."""
    for place, key, is_attribute in steps:
        value = attribute_of(value, str(key), place) if is_attribute else index_of(value, key, place)
    return value


class Variable(Node):
    """The element that a splat is at."""

    __slots__ = ("name",)

    def __init__(self, place: Place, name: str) -> None:
        self.place = place
        self.name = name

    def evaluate(self, scope: Scope) -> Value:
        """Return its value."""
        return scope.names[self.name]


class Traversal(Node):
    """A name, or a value, and the steps from there."""

    __slots__ = ("name", "root", "steps")

    def __init__(self, place: Place, name: str, root: Node | None, steps: list[Step]) -> None:
        self.place = place
        self.name = name
        self.root = root
        self.steps = steps

    def children(self) -> Sequence[Node]:
        """Return the expression that the steps begin at, unless it is a name."""
        return () if self.root is None else (self.root,)

    def evaluate(self, scope: Scope) -> Value:
        """Return what the steps lead to."""
        if self.root is not None:
            return walk(self.root.evaluate(scope), self.steps)
        name = self.name
        inner: Scope | None = scope
        while inner is not None:
            if name in inner.names:
                value = inner.names[name]
                return walk(value, self.steps) if self.steps else value
            inner = inner.parent
        value, steps = scope.globals.find(self)
        return walk(value, steps) if steps else value


class Index(Node):
    """An element by a key that is worked out."""

    __slots__ = ("collection", "key")

    def __init__(self, place: Place, collection: Node, key: Node) -> None:
        self.place = place
        self.collection = collection
        self.key = key

    def children(self) -> Sequence[Node]:
        """Return collection and key."""
        return (self.collection, self.key)

    def evaluate(self, scope: Scope) -> Value:
        """Return the element."""
        return index_of(self.collection.evaluate(scope), self.key.evaluate(scope), self.place)


def keyword_of(node: Node) -> str:
    """Return the bare name that an expression is, an empty text where it is anything else."""
    if node.__class__ is Traversal and node.root is None and not node.steps:
        return node.name
    if node.__class__ is Literal:
        value = node.value
        written = node.place.source.text[node.place.begin : node.place.end]
        if (value is True or value is False or value is NULL) and written in {"true", "false", "null"}:
            return written
    return ""


class Call(Node):
    """A call of a function; ``expand`` says that the last argument is a sequence of arguments."""

    __slots__ = ("arguments", "expand", "name")

    def __init__(self, place: Place, name: str, arguments: Sequence[Node], *, expand: bool) -> None:
        self.place = place
        self.name = name
        self.arguments = arguments
        self.expand = expand

    def children(self) -> Sequence[Node]:
        """Return the arguments."""
        return self.arguments

    def evaluate(self, scope: Scope) -> Value:
        """Return the result."""
        scope.globals.budget.spend(1, 0, self.place)
        function = scope.globals.function(self.name)
        if function is None:
            raise DefinitionFault(f'there is no function named "{self.name}"', self.place)
        return function.call(self.expanded(scope), scope)

    def expanded(self, scope: Scope) -> Call:
        """Return the call with each argument on its own."""
        if not self.expand:
            return self
        last = self.arguments[-1]
        found = elements_of(last.evaluate(scope))
        if found is None:
            raise DefinitionFault("the last argument (...) must be a list, a set or a tuple", last.place)
        arguments = [*self.arguments[:-1], *(Literal(last.place, each) for each in found)]
        return Call(self.place, self.name, arguments, expand=False)


def names_in(node: Node, local: frozenset[str] = frozenset()) -> Iterator[Traversal | Call]:
    """Go through the names that an expression takes from outside, and the functions that it calls."""
    pending: list[tuple[Node, frozenset[str]]] = [(node, local)]
    while pending:
        each, known = pending.pop()
        if (isinstance(each, Traversal) and each.root is None and each.name not in known) or isinstance(
            each, Call
        ):
            yield each
        # Names of an expression's own hold in all that is within it but the first: what a `for` goes through.
        inner = known | each.local_names()
        for number, child in enumerate(each.children()):
            pending.append((child, inner if number else known))
