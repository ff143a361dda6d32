"""Expressions that make tuples, lists and objects: ``[a]``, ``{ a = 1 }``, ``for``, splats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.bake.conversion import convert, describe
from router.bake.nodes import Literal, Node, Scope, Traversal, Variable, keyword_of
from router.bake.operations import truth
from router.bake.operators import splat_items
from router.bake.places import DefinitionFault, Place
from router.bake.values import STRING, ListValue, Null, SetValue, Value, pairs_of, type_of

__all__ = ["For", "ObjectCons", "Splat", "TupleCons"]


class Splat(Node):
    """The same of all elements: ``list[*].name``."""

    __slots__ = ("each", "item", "source")

    def __init__(self, place: Place, source: Node, item: Variable, each: Node) -> None:
        self.place = place
        self.source = source
        self.item = item
        self.each = each

    def children(self) -> Sequence[Node]:
        """Return the collection, and what is taken of each element."""
        return (self.source, self.each)

    def evaluate(self, scope: Scope) -> Value:
        """Return a tuple, or of a list or a set a list."""
        source = self.source.evaluate(scope)
        items = splat_items(source, self.source.place)
        scope.globals.budget.spend(len(items), 0, self.place)
        found = tuple(
            self.each.evaluate(Scope(scope.globals, {self.item.name: each}, scope)) for each in items
        )
        scope.globals.budget.charge(found, self.place)
        if not isinstance(source, ListValue | SetValue):
            return found
        return ListValue(type_of(found[0]) if found else source.element, found)


class TupleCons(Node):
    """``[a, b]``."""

    __slots__ = ("items",)

    def __init__(self, place: Place, items: Sequence[Node]) -> None:
        self.place = place
        self.items = items

    def children(self) -> Sequence[Node]:
        """Return the elements."""
        return self.items

    def evaluate(self, scope: Scope) -> Value:
        """Return a tuple."""
        made = tuple([each.evaluate(scope) for each in self.items])
        scope.globals.budget.charge(made, self.place)
        return made


class ObjectCons(Node):
    """``{ a = 1 }``. A key that is a bare name stands for itself."""

    __slots__ = ("items",)

    def __init__(self, place: Place, items: Sequence[tuple[Node, Node]]) -> None:
        self.place = place
        self.items = items

    def children(self) -> Sequence[Node]:
        """Return keys that are worked out, and values."""
        return [each for key, value in self.items for each in ((value,) if keyword_of(key) else (key, value))]

    def evaluate(self, scope: Scope) -> Value:
        """Return an object."""
        made: dict[str, Value] = {}
        for key, value in self.items:
            made[_key(key, scope)] = value.evaluate(scope)
        scope.globals.budget.charge(made, self.place)
        return made


def _key(node: Node, scope: Scope) -> str:
    if node.__class__ is Literal and node.value.__class__ is str:
        return node.value
    name = keyword_of(node)
    if name:
        return name
    if isinstance(node, Traversal) and node.root is None:
        raise DefinitionFault(
            "the key is ambiguous: put a reference in parentheses, and a name that contains dots in quotes",
            node.place,
        )
    return key_text(node.evaluate(scope), node.place)


def key_text(key: Value, place: Place) -> str:
    """Return a value as the key of an object."""
    if isinstance(key, Null):
        raise DefinitionFault("null can't be a key", place)
    try:
        return str(convert(key, STRING))
    except DefinitionFault as fault:
        raise DefinitionFault(f"this value can't be a key: {fault.message}", place) from None


class For(Node):
    """``[for k, v in c : e if ...]`` and ``{for k, v in c : key => e}``, with ``...`` to group."""

    __slots__ = ("collection", "condition", "group", "key", "key_name", "value", "value_name")

    def __init__(  # noqa: PLR0913 -- the parts of a for
        self,
        place: Place,
        names: tuple[str, str],
        collection: Node,
        *,
        key: Node | None,
        value: Node,
        condition: Node | None,
        group: bool,
    ) -> None:
        self.place = place
        self.key_name, self.value_name = names
        self.collection = collection
        self.key = key
        self.value = value
        self.condition = condition
        self.group = group

    def children(self) -> Sequence[Node]:
        """Return the parts."""
        return [each for each in (self.collection, self.key, self.value, self.condition) if each is not None]

    def local_names(self) -> frozenset[str]:
        """Return what key and value are called."""
        return frozenset({self.key_name, self.value_name} - {""})

    def evaluate(self, scope: Scope) -> Value:
        """Return a tuple or an object."""
        made = tuple(self._tuple(scope)) if self.key is None else self._object(scope, self.key)
        scope.globals.budget.charge(made, self.place)
        return made

    def _tuple(self, scope: Scope) -> Iterator[Value]:
        for inner in self._each(scope):
            yield self.value.evaluate(inner)

    def _object(self, scope: Scope, key_node: Node) -> Value:
        made: dict[str, Value] = {}
        groups: dict[str, list[Value]] = {}
        for inner in self._each(scope):
            key = key_text(key_node.evaluate(inner), key_node.place)
            value = self.value.evaluate(inner)
            if self.group:
                groups.setdefault(key, []).append(value)
            elif key in made:
                raise DefinitionFault(
                    f'two items have the key "{key}": put an ellipsis (...) after the value to group by key',
                    key_node.place,
                )
            else:
                made[key] = value
        return {key: tuple(values) for key, values in groups.items()} if self.group else made

    def _each(self, scope: Scope) -> Iterator[Scope]:
        collection = self.collection.evaluate(scope)
        pairs = pairs_of(collection)
        if pairs is None:
            raise DefinitionFault(
                f"{describe(collection)} can't be gone through by 'for'", self.collection.place
            )
        scope.globals.budget.spend(len(pairs) + 1, 0, self.place)
        for key, value in pairs:
            names = {self.value_name: value}
            if self.key_name:
                names[self.key_name] = key
            inner = Scope(scope.globals, names, scope)
            if self.condition is None or truth(self.condition, inner):
                yield inner
