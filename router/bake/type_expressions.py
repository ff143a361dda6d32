"""Types as they are written: ``string``, ``list(number)``, ``object({ a = string, b = optional(bool) })``."""

from __future__ import annotations

from router.bake.constructors import ObjectCons, TupleCons
from router.bake.nodes import Call, Node, Parentheses, keyword_of
from router.bake.places import DefinitionFault
from router.bake.values import BOOL, DYNAMIC, NUMBER, STRING, Type, object_of, tuple_of

__all__ = ["type_constraint"]

_WORDS = {"string": STRING, "number": NUMBER, "bool": BOOL, "any": DYNAMIC}
_COLLECTIONS = frozenset({"list", "set", "map"})


def type_constraint(node: Node) -> Type:
    """Return the type that an expression names. Raises ``DefinitionFault`` where it names none."""
    word = keyword_of(node)
    if word in _WORDS:
        return _WORDS[word]
    if word in _COLLECTIONS or word in {"object", "tuple"}:
        raise DefinitionFault(f"the type {word} needs one argument, such as {_example(word)}", node.place)
    if word:
        raise DefinitionFault(f'"{word}" is not a type', node.place)
    if not isinstance(node, Call):
        raise DefinitionFault("a type is string, number, bool, any, or one such as list(string)", node.place)
    if len(node.arguments) != 1:
        raise DefinitionFault(
            f"the type {node.name} takes one argument, such as {_example(node.name)}", node.place
        )
    argument = node.arguments[0]
    if node.name in _COLLECTIONS:
        return Type(node.name, (type_constraint(argument),))
    if node.name == "object":
        return _object(argument)
    if node.name == "tuple":
        if not isinstance(argument, TupleCons):
            raise DefinitionFault("the type tuple needs a list of types", argument.place)
        return tuple_of([type_constraint(each) for each in argument.items])
    raise DefinitionFault(f'"{node.name}" is not a type with an argument', node.place)


def _example(word: str) -> str:
    return {"object": "object({ name = string })", "tuple": "tuple([string, number])"}.get(
        word, f"{word}(string)"
    )


def _object(node: Node) -> Type:
    if not isinstance(node, ObjectCons):
        raise DefinitionFault("the type object needs attributes with their types in braces", node.place)
    attributes: dict[str, Type] = {}
    optional: list[str] = []
    for key, value in node.items:
        name = keyword_of(key)
        if not name or isinstance(key, Parentheses):
            raise DefinitionFault("an attribute's name is required here", key.place)
        if name in attributes:
            raise DefinitionFault(f'the attribute "{name}" stands here twice', key.place)
        kind = value
        if isinstance(value, Call) and value.name == "optional":
            if len(value.arguments) != 1:
                raise DefinitionFault("optional takes one argument, the attribute's type", value.place)
            kind = value.arguments[0]
            optional.append(name)
        attributes[name] = type_constraint(kind)
    return object_of(attributes, optional)
