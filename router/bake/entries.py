"""What targets hold that is more than a text: attestations, caches, outputs, secrets, SSH agents, policies,
limits.

Each can be written as a text with ``key=value`` fields, as buildx's flags have it, or as an object. They are
kept as bake prints them, and become the values of a build when it is made of the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from router.bake.conversion import convert, describe
from router.bake.numbers import as_integer, format_number
from router.bake.places import DefinitionFault
from router.bake.values import (
    NUMBER,
    STRING,
    ListValue,
    MapValue,
    Null,
    SetValue,
    Value,
    elements_of,
    is_number,
    list_of,
    map_of,
    object_of,
)
from router.errors import UsageError
from router.notation.boolean import parse_bool
from router.notation.csv import parse_fields
from router.notation.flag import Flag

__all__ = [
    "Attest",
    "Cache",
    "Export",
    "Policy",
    "Resources",
    "SSHKeys",
    "Secret",
    "attest_shorthand",
    "decode_entries",
    "decode_resources",
    "parse_attest",
    "parse_caches",
    "parse_export",
    "parse_policy",
    "parse_secret",
    "parse_ssh",
    "with_field",
]

_T = TypeVar("_T")
_TEXTS = map_of(STRING)
_LEVELS = {each: each for each in ("panic", "fatal", "error", "warning", "info", "debug", "trace")} | {
    "warn": "warning"
}
_LIMITS = ("memory", "memory-swap", "cpu-shares", "cpu-period", "cpu-quota", "cpuset-cpus", "cpuset-mems")
_NUMBERS = frozenset({"cpu-shares", "cpu-period", "cpu-quota"})


class Attest(NamedTuple):
    """An attestation to make, or not to make."""

    type: str
    disabled: bool
    attrs: Mapping[str, str]


class Cache(NamedTuple):
    """A cache to import or to export."""

    type: str
    attrs: Mapping[str, str]


class Export(NamedTuple):
    """An output."""

    type: str
    destination: str
    attrs: Mapping[str, str]


class Secret(NamedTuple):
    """A secret: its id, and the file or the variable that holds it."""

    id: str = ""
    path: str = ""
    variable: str = ""


class SSHKeys(NamedTuple):
    """An SSH agent, or keys."""

    id: str
    paths: tuple[str, ...] = ()


class Policy(NamedTuple):
    """Rules that decide on sources."""

    files: tuple[str, ...] = ()
    reset: bool = False
    disabled: bool = False
    strict: bool | None = None
    log_level: str | None = None


Resources: TypeAlias = Mapping[str, str | int]
"""Limits of the steps' processes, by the name of the flag ``--resource``."""


def fields_of(text: str, what: str) -> Sequence[str]:
    """Split a text into its comma-separated fields."""
    try:
        return parse_fields(text, Flag(name=what, example="type=..."))
    except UsageError as exc:
        raise DefinitionFault(str(exc)) from None


def _pairs(text: str, what: str) -> Iterator[tuple[str, str, str]]:
    for field in fields_of(text, what):
        key, equals, value = field.partition("=")
        if not equals:
            raise DefinitionFault(
                f'invalid {what} "{text}": the field "{field}" is not of the form key=value'
            )
        yield key, value, field


def _flag(value: str, field: str) -> bool:
    found = parse_bool(value)
    if found is None:
        raise DefinitionFault(f'invalid value "{field}": true or false is required')
    return found


def parse_attest(text: str) -> Attest:
    """Read an attestation such as ``type=provenance,mode=max``."""
    kind, disabled = "", False
    attrs: dict[str, str] = {}
    for key, value, field in _pairs(text, "attestation"):
        match key.strip().lower():
            case "type":
                kind = value
            case "disabled":
                disabled = _flag(value, field)
            case _:
                attrs[key] = value
    if not kind:
        raise DefinitionFault(f'the attestation "{text}" has no type')
    return Attest(kind, disabled, attrs)


def attest_shorthand(kind: str, text: str) -> str:
    """Return what ``--sbom`` and ``--provenance`` stand for."""
    found = parse_bool(text)
    return f"type={kind},{text}" if found is None else f"type={kind},disabled={'false' if found else 'true'}"


def parse_caches(text: str) -> list[Cache]:
    """Read a cache, or several references of registries."""
    if not text:
        return []
    if "=" not in text:
        return [Cache("registry", {"ref": field}) for field in fields_of(text, "cache")]
    kind = ""
    attrs: dict[str, str] = {}
    for key, value, _ in _pairs(text, "cache"):
        if key.lower() == "type":
            kind = value
        else:
            attrs[key.lower()] = value
    if not kind:
        raise DefinitionFault(f'the cache "{text}" has no type')
    return [Cache(kind, attrs)]


def parse_export(text: str) -> Export:
    """Read an output; a text that is no ``key=value`` is a directory, a dash the standard output."""
    fields = fields_of(text, "output")
    if len(fields) == 1 and fields[0] == text and not text.startswith("type="):
        if text == "-":
            return Export("tar", text, {})
        return Export("local", text, {})
    kind = destination = ""
    attrs: dict[str, str] = {}
    for key, value, _ in _pairs(text, "output"):
        match key.strip().lower():
            case "type":
                kind = value
            case "dest":
                destination = value
            case name:
                attrs[name] = value
    if not kind:
        raise DefinitionFault(f'the output "{text}" has no type')
    return Export(kind, destination, attrs)


def parse_secret(text: str) -> Secret:
    """Read a secret such as ``id=token,env=TOKEN``."""
    kind = ""
    found: dict[str, str] = {}
    for key, value, field in _pairs(text, "secret"):
        match key.lower():
            case "type":
                if value not in {"file", "env"}:
                    raise DefinitionFault(f'a secret has the type file or env, not "{value}"')
                kind = value
            case "id":
                found["id"] = value
            case "src" | "source":
                found["path"] = value
            case "env":
                found["variable"] = value
            case _:
                raise DefinitionFault(f'a secret has no field "{field}"')
    secret = Secret(**found)
    if kind == "env" and not secret.variable:
        return Secret(secret.id, "", secret.path)
    return secret


def parse_ssh(text: str) -> SSHKeys:
    """Read an SSH agent or keys such as ``default=/path,/other``."""
    name, equals, paths = text.partition("=")
    return SSHKeys(name, tuple(paths.split(",")) if equals else ())


def parse_policy(text: str) -> Policy:
    """Read a policy such as ``filename=rules.rego,strict=true``."""
    return _policy(_pairs(text, "policy"))


def _policy(pairs: Iterator[tuple[str, str, str]]) -> Policy:
    policy = Policy()
    for key, value, field in pairs:
        match key.strip().lower():
            case "filename" if value:
                policy = policy._replace(files=(*policy.files, value))
            case "reset":
                policy = policy._replace(reset=_flag(value, field))
            case "disabled":
                policy = policy._replace(disabled=_flag(value, field))
            case "strict":
                policy = policy._replace(strict=_flag(value, field))
            case "log-level" if value.lower() in _LEVELS:
                policy = policy._replace(log_level=_LEVELS[value.lower()])
            case _:
                raise DefinitionFault(f'a policy has no field "{field}"')
    return policy


def decode_entries(kind: str, value: Value) -> tuple[Any, ...] | None:
    """Return the entries of an attribute of this name; None for null."""
    parse_text, from_object = _KINDS[kind]
    if isinstance(value, Null):
        return None
    elements = None if isinstance(value, SetValue) else elements_of(value)
    if elements is None:
        raise DefinitionFault(f"a list is required, and this is {describe(value)}")
    entries: list[Any] = []
    for each in elements:
        if isinstance(each, str):
            if each:
                found = parse_text(each)
                entries += found if isinstance(found, list) else [found]
        elif isinstance(each, dict | MapValue):
            entries.append(from_object(each))
        else:
            raise DefinitionFault(f"a text or an object is required, and this is {describe(each)}")
    return tuple(entries)


def _texts(value: Value) -> dict[str, str]:
    made = convert(value, _TEXTS)
    texts: dict[str, str] = {}
    for name, each in made.items.items() if isinstance(made, MapValue) else ():
        if isinstance(each, Null):
            raise DefinitionFault("null is not allowed here")
        texts[name] = str(each)
    return texts


def _attest_of(value: Value) -> Attest:
    texts = _texts(value)
    kind, disabled = texts.pop("type", ""), texts.pop("disabled", "false")
    return Attest(kind, _flag(disabled, f"disabled={disabled}"), texts)


def _cache_of(value: Value) -> Cache:
    texts = _texts(value)
    kind = texts.pop("type", "")
    if not kind:
        raise DefinitionFault("the cache has no type")
    return Cache(kind, texts)


def _export_of(value: Value) -> Export:
    texts = _texts(value)
    kind, destination = texts.pop("type", ""), texts.pop("dest", "")
    if not kind:
        raise DefinitionFault("the output has no type")
    return Export(kind, destination, texts)


_SECRET = object_of({"id": STRING, "src": STRING, "env": STRING}, ("id", "src", "env"))
_SSH = object_of({"id": STRING, "paths": list_of(STRING)}, ("id", "paths"))
_RESOURCES = object_of({name: NUMBER if name in _NUMBERS else STRING for name in _LIMITS}, _LIMITS)


def _members(value: Value, kind: Any) -> Mapping[str, Value]:
    made = convert(value, kind)
    return (
        {}
        if not isinstance(made, dict)
        else {key: each for key, each in made.items() if not isinstance(each, Null)}
    )


def _secret_of(value: Value) -> Secret:
    members = _members(value, _SECRET)
    return Secret(str(members.get("id", "")), str(members.get("src", "")), str(members.get("env", "")))


def _ssh_of(value: Value) -> SSHKeys:
    members = _members(value, _SSH)
    paths = members.get("paths")
    return SSHKeys(str(members.get("id", "")), tuple(map(str, elements_of(paths) or ())) if paths else ())


def _policy_of(value: Value) -> Policy:
    items = value.items if isinstance(value, MapValue) else value
    if not isinstance(items, dict):
        raise DefinitionFault(f"an object is required, and this is {describe(value)}")

    def pairs() -> Iterator[tuple[str, str, str]]:
        for key, each in items.items():
            if isinstance(each, Null) or each == "":
                continue
            text = convert(each, STRING)
            yield key, str(text), f"{key}={text}"

    return _policy(pairs())


def decode_resources(value: Value) -> Resources | None:
    """Return limits; None for null."""
    if isinstance(value, Null):
        return None
    members = _members(value, _RESOURCES)
    return {name: _limit(name, members[name]) for name in _LIMITS if name in members}


def _limit(name: str, value: Value) -> str | int:
    if name not in _NUMBERS:
        return str(value)
    number = as_integer(value) if is_number(value) else None  # type: ignore[arg-type]  # is_number says so
    if number is None or abs(number) >= 1 << 63:
        raise DefinitionFault(f"{name} must be a whole number, not {format_number(value)}")  # type: ignore[arg-type]
    return number


def with_field(resources: Resources | None, name: str, text: str) -> Resources:
    """Return limits with one more, given as a text."""
    if name not in _LIMITS:
        raise DefinitionFault(f'there is no resource "{name}": there are {", ".join(_LIMITS)}')
    value: str | int = text
    if name in _NUMBERS:
        if not text.removeprefix("-").removeprefix("+").isdigit() or len(text) > 19:
            raise DefinitionFault(f'resources.{name} must be a whole number, not "{text}"')
        value = int(text)
    merged = {**(resources or {}), name: value}
    return {each: merged[each] for each in _LIMITS if each in merged}


_KINDS: Mapping[str, tuple[Callable[[str], Any], Callable[[Value], Any]]] = {
    "attest": (parse_attest, _attest_of),
    "cache-from": (parse_caches, _cache_of),
    "cache-to": (parse_caches, _cache_of),
    "output": (parse_export, _export_of),
    "secret": (parse_secret, _secret_of),
    "ssh": (parse_ssh, _ssh_of),
    "policy": (parse_policy, _policy_of),
}


def entries_as_value(kind: str, entries: Sequence[Any] | None) -> Value:
    """Return entries as other targets see them: a list of objects or maps."""
    items = tuple(_as_value(each) for each in entries or ())
    element = {"secret": _SECRET._replace(optional=frozenset()), "ssh": _SSH._replace(optional=frozenset())}
    return ListValue(element.get(kind, _TEXTS), items)


def _as_value(entry: Any) -> Value:
    match entry:
        case Attest(type=kind, disabled=disabled, attrs=attrs):
            return MapValue(STRING, {**attrs, "type": kind, **({"disabled": "true"} if disabled else {})})
        case Cache(type=kind, attrs=attrs):
            return MapValue(STRING, {**attrs, "type": kind})
        case Export(type=kind, destination=destination, attrs=attrs):
            return MapValue(STRING, {**attrs, "type": kind, "dest": destination})
        case Secret(id=name, path=path, variable=variable):
            return {"id": name, "src": path, "env": variable}
        case SSHKeys(id=name, paths=paths):
            return {"id": name, "paths": ListValue(STRING, tuple(paths))}
    return MapValue(STRING, _policy_texts(entry))


def _policy_texts(policy: Policy) -> dict[str, Value]:
    texts: dict[str, Value] = {}
    if policy.files:
        texts["filename"] = policy.files[0]
    for name, value in (
        ("reset", policy.reset or None),
        ("disabled", policy.disabled or None),
        ("strict", policy.strict),
    ):
        if value is not None:
            texts[name] = "true" if value else "false"
    if policy.log_level is not None:
        texts["log-level"] = policy.log_level
    return texts
