"""The arguments of a target's and a group's block: the type that each has, and what it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from router.bake.conversion import convert, describe
from router.bake.entries import decode_entries, decode_resources, entries_as_value
from router.bake.places import DefinitionFault
from router.bake.values import (
    BOOL,
    NUMBER,
    STRING,
    ListValue,
    MapValue,
    Null,
    Type,
    Value,
    list_of,
    map_of,
    object_of,
)

__all__ = ["GROUP_FIELDS", "TARGET_FIELDS", "Decoded", "decode"]

_TEXTS = list_of(STRING)
_MAPPED = map_of(STRING)


class Decoded(NamedTuple):
    """An argument's value: as other expressions see it, and as the field of a target."""

    value: Value
    field: Any


class _Kind(NamedTuple):
    decode: Callable[[Value], Decoded]
    type: Type


def _text(value: Value) -> Decoded:
    text = convert(value, STRING)
    return Decoded(text, None if isinstance(text, Null) else text)


def _required_text(value: Value) -> Decoded:
    text = convert(value, STRING)
    if isinstance(text, Null):
        raise DefinitionFault("null is not allowed here")
    return Decoded(text, text)


def _flag(value: Value) -> Decoded:
    flag = convert(value, BOOL)
    return Decoded(flag, None if isinstance(flag, Null) else flag)


def _texts(value: Value) -> Decoded:
    texts = convert(value, _TEXTS)
    if not isinstance(texts, ListValue):
        return Decoded(texts, None)
    if any(isinstance(each, Null) for each in texts.items):
        raise DefinitionFault("null is not allowed in this list")
    return Decoded(texts, texts.items)


def _mapped(value: Value) -> Decoded:
    mapped = convert(value, _MAPPED)
    if not isinstance(mapped, MapValue):
        return Decoded(mapped, None)
    return Decoded(
        mapped, {name: None if isinstance(each, Null) else each for name, each in mapped.items.items()}
    )


def _contexts(value: Value) -> Decoded:
    decoded = _mapped(value)
    if decoded.field is not None and None in decoded.field.values():
        raise DefinitionFault("null is not allowed here")
    return decoded


def _entries(kind: str) -> _Kind:
    def decoded(value: Value) -> Decoded:
        entries = decode_entries(kind, value)
        return Decoded(entries_as_value(kind, entries), entries)

    empty = entries_as_value(kind, ())
    return _Kind(decoded, list_of(empty.element) if isinstance(empty, ListValue) else _TEXTS)


def _resources(value: Value) -> Decoded:
    if not isinstance(value, dict | MapValue | Null):
        raise DefinitionFault(f"an object is required, and this is {describe(value)}")
    return Decoded(value, decode_resources(value))


_LIMITS = object_of(
    {
        **dict.fromkeys(("memory", "memory-swap", "cpuset-cpus", "cpuset-mems"), STRING),
        **dict.fromkeys(("cpu-shares", "cpu-period", "cpu-quota"), NUMBER),
    }
)
_TEXT, _LIST, _MAP = _Kind(_text, STRING), _Kind(_texts, _TEXTS), _Kind(_mapped, _MAPPED)
_FLAG = _Kind(_flag, BOOL)

TARGET_FIELDS: Mapping[str, tuple[str, _Kind]] = {
    "description": ("description", _Kind(_required_text, STRING)),
    "inherits": ("inherits", _LIST),
    "annotations": ("annotations", _LIST),
    "attest": ("attest", _entries("attest")),
    "context": ("context", _TEXT),
    "contexts": ("contexts", _Kind(_contexts, _MAPPED)),
    "dockerfile": ("dockerfile", _TEXT),
    "dockerfile-inline": ("dockerfile_inline", _TEXT),
    "args": ("args", _MAP),
    "labels": ("labels", _MAP),
    "tags": ("tags", _LIST),
    "cache-from": ("cache_from", _entries("cache-from")),
    "cache-to": ("cache_to", _entries("cache-to")),
    "target": ("target", _TEXT),
    "secret": ("secrets", _entries("secret")),
    "ssh": ("ssh", _entries("ssh")),
    "platforms": ("platforms", _LIST),
    "output": ("outputs", _entries("output")),
    "pull": ("pull", _FLAG),
    "no-cache": ("no_cache", _FLAG),
    "network": ("network", _TEXT),
    "no-cache-filter": ("no_cache_filter", _LIST),
    "shm-size": ("shm_size", _TEXT),
    "ulimits": ("ulimits", _LIST),
    "resources": ("resources", _Kind(_resources, _LIMITS)),
    "call": ("call", _TEXT),
    "entitlements": ("entitlements", _LIST),
    "extra-hosts": ("extra_hosts", _MAP),
    "policy": ("policy", _entries("policy")),
}
"""A target's arguments: the field of the target, and how it is read."""

GROUP_FIELDS: Mapping[str, tuple[str, _Kind]] = {
    "description": ("description", _Kind(_required_text, STRING)),
    "targets": ("targets", _LIST),
}
"""A group's arguments."""


def decode(kind: _Kind, value: Value | None) -> Decoded:
    """Return what an argument becomes; None stands for one that was not given."""
    if value is not None:
        return kind.decode(value)
    if kind.type.kind == "list" and kind.type != _TEXTS:
        return Decoded(ListValue(kind.type.element, ()), None)
    return Decoded(Null(kind.type), None)
