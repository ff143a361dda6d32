"""LLB for people: each operation of a definition as a value that JSON can hold, and the graph as DOT. Pure.

The names are those under which BuildKit's own tools write the operations.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from router._proto import ops_pb2 as pb
from router.errors import UsageError
from router.solve.llb import digest_of, operations_of, read_definition

__all__ = ["Operation", "llb_as_dot", "llb_as_json", "llb_operations"]


# What stands there also where it is empty.
_ALWAYS: Mapping[str, Sequence[str]] = {"FileAction": ("input", "secondaryInput", "output")}
# Go's spelling in BuildKit's JSON, where it is another.
_SPELLED = {"byID": "byId"}
_SHAPES = {
    "source": "ellipse",
    "exec": "box",
    "build": "box3d",
    "merge": "invtriangle",
    "diff": "doublecircle",
}


class Operation(NamedTuple):
    """One operation of a definition: its digest, what it does, and what else is known of it."""

    digest: str
    op: Mapping[str, Any]
    metadata: Mapping[str, Any]


def llb_operations(definition: bytes) -> tuple[Operation, ...]:
    """Return the operations, in the order of the definition. Raises ``UsageError`` for what is no LLB."""
    read = read_definition(definition)
    found: list[Operation] = []
    for operation in operations_of(read):
        digest = digest_of(operation)
        known = read.metadata.get(digest, pb.OpMetadata())
        try:
            op = pb.Op.FromString(operation)
        except DecodeError as exc:
            raise UsageError(
                f"operation {len(found) + 1} of the LLB can't be read",
                hint="pass the output of a program that marshals LLB",
            ) from exc
        found.append(Operation(digest, _object(op), _object(known)))
    return tuple(found)


def llb_as_json(found: Sequence[Operation]) -> Iterator[str]:
    """Yield each operation as JSON, as ``buildctl debug dump-llb`` writes it."""
    for operation in found:
        values = {"Op": operation.op, "Digest": operation.digest, "OpMetadata": operation.metadata}
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def llb_as_dot(found: Sequence[Operation]) -> Iterator[str]:
    """Yield the lines of the graph in DOT, the language of Graphviz."""
    yield "digraph {"
    for operation in found:
        label, shape = _node(operation)
        yield f"  {_quoted(operation.digest)} [label={_quoted(label)} shape={_quoted(shape)}];"
    for operation in found:
        for index, source in enumerate(operation.op.get("inputs", ())):
            edge = f"{_quoted(source.get('digest', ''))} -> {_quoted(operation.digest)}"
            yield f"  {edge} [label={_quoted(_edge(operation, index))}];"
    yield "}"


def _node(operation: Operation) -> tuple[str, str]:
    kind, what = _only(operation.op["Op"])
    match kind:
        case "source":
            label = what.get("identifier", "")
        case "exec":
            label = " ".join(what.get("meta", {}).get("args", ()))
        case "file":
            return ",".join(map(_action, what.get("actions", ()))), "note"
        case "build" | "merge" | "diff":
            label = kind
        case _:
            return operation.digest, "plaintext"
    return label, _SHAPES[kind]


def _only(choice: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """Return the one entry of an object, or nothing of no kind."""
    for entry in choice.items():
        return entry
    return "", {}


def _action(action: Mapping[str, Any]) -> str:
    kind, what = _only(action["Action"])
    names = {"copy": ("src", "dest"), "symlink": ("oldpath", "newpath")}.get(kind, ("path",))
    values = ", ".join(f"{name}={what.get(name, '')}" for name in names)
    return f"{kind}{{{values}}}"


def _edge(operation: Operation, index: int) -> str:
    """Return where an input is mounted, empty for the root."""
    mounts = operation.op["Op"].get("exec", {}).get("mounts", ())
    places = [mount.get("dest", "") for mount in mounts if mount.get("input", 0) == index]
    return next((place for place in reversed(places) if place != "/"), "")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _object(message: Message) -> dict[str, Any]:
    """Return a message as an object; what is empty is left out, as Go's encoder does.

    What is one of several stands in an object of its own, by the name that these have together.
    """
    always = _ALWAYS.get(message.DESCRIPTOR.name, ())
    values: dict[str, Any] = {}
    for field in cast("Sequence[FieldDescriptor]", message.DESCRIPTOR.fields):
        value = _value(message, field)
        choice = field.containing_oneof
        place = values if choice is None else values.setdefault(choice.name.capitalize(), {})
        if value is not None and (value or isinstance(value, dict) or field.name in always):
            place[_SPELLED.get(field.name, field.name)] = value
    return values


def _value(message: Message, field: FieldDescriptor) -> object:
    """Return a field's value, None for a message that is not there, a list or a map without entries."""
    value = getattr(message, field.name)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return {key: _plain(kind.fields_by_name["value"], value[key]) for key in sorted(value)} or None
    if field.is_repeated:
        return [_plain(field, each) for each in value] or None
    if kind is not None and not message.HasField(field.name):
        return None
    return _plain(field, value)


def _plain(field: FieldDescriptor, value: Any) -> object:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _object(value)
    return b64encode(value).decode() if field.type == FieldDescriptor.TYPE_BYTES else value
