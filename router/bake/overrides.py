"""``--set target.key=value``: what the command line makes of targets.

Also what ``--push``, ``--load``, ``--pull`` and their like stand for, which are overrides of all targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from router.bake.entries import (
    Export,
    attest_shorthand,
    parse_attest,
    parse_caches,
    parse_export,
    parse_policy,
    parse_secret,
    parse_ssh,
    with_field,
)
from router.bake.go_names import matches
from router.bake.places import DefinitionFault
from router.bake.target import BakeTarget, merged
from router.notation.boolean import parse_bool

__all__ = ["Override", "Overrides", "apply_overrides", "bake_overrides", "parse_overrides"]

_LISTS = frozenset(
    {
        "output",
        "cache-to",
        "cache-from",
        "tags",
        "platform",
        "secrets",
        "ssh",
        "attest",
        "entitlements",
        "network",
        "annotations",
        "policy",
    }
)
"""The keys whose values are collected; the last value of any other counts."""


class Override(NamedTuple):
    """What is set: one text, or several, which ``append`` adds to what the target has."""

    value: str = ""
    values: tuple[str, ...] = ()
    append: bool = False


Overrides = Mapping[str, Mapping[str, Override]]
"""Overrides by target and key (``args.NAME``, ``tags``)."""


def parse_overrides(
    texts: Iterable[str], targets: Sequence[str], environment: Mapping[str, str]
) -> dict[str, dict[str, Override]]:
    """Return overrides by target; a name can be a pattern. ``args.NAME`` without a value takes the
    environment's."""
    found: dict[str, dict[str, Override]] = {}
    for text in texts:
        written, equals, value = text.partition("=")
        append = written.endswith("+")
        key = written.removesuffix("+")
        parts = key.split(".", 2)
        if len(parts) < 2:
            raise DefinitionFault(f'invalid --set "{text}": target.key=value is required')
        if not equals and parts[1] != "args":
            raise DefinitionFault(f'invalid --set "{text}": it has no value')
        name = ".".join(parts[1:])
        _check_named(parts, text)
        if parts[1] == "args" and not equals:
            if parts[2] not in environment:
                _matching(parts[0], targets)
                continue
            value = environment[parts[2]]
        for target in _matching(parts[0], targets):
            known = found.setdefault(target, {})
            before = known.get(name, Override())
            known[name] = (
                Override(before.value, (*before.values, value), append)
                if parts[1] in _LISTS
                else before._replace(value=value)
            )
    return found


def _check_named(parts: Sequence[str], text: str) -> None:
    if parts[1] in {"args", "contexts", "resources"} and len(parts) != 3:
        raise DefinitionFault(
            f'invalid --set "{text}": {parts[1]} needs a name, as in target.{parts[1]}.NAME=value'
        )


def _matching(pattern: str, targets: Sequence[str]) -> Sequence[str]:
    if pattern in targets:
        return [pattern]
    found = [each for each in targets if matches(pattern, each)]
    if not found:
        raise DefinitionFault(f'--set names "{pattern}", and no target matches it')
    return found


def apply_overrides(target: BakeTarget, overrides: Mapping[str, Override]) -> BakeTarget:
    """Return a target with what is set."""
    for key, override in overrides.items():
        name, _, rest = key.partition(".")
        change = _CHANGES.get(name)
        if change is None:
            raise DefinitionFault(f'--set has no key "{name}"')
        target = change(target, rest, override)
    return target


_Change = Callable[[BakeTarget, str, Override], BakeTarget]


def _with(target: BakeTarget, field: str, value: Any) -> BakeTarget:
    changes: dict[str, Any] = {field: value}
    return target._replace(**changes)


def _text(field: str) -> _Change:
    return lambda target, _, override: _with(target, field, override.value)


def _network(target: BakeTarget, _: str, override: Override) -> BakeTarget:
    # buildx collects values of this key, and takes none of them.
    return target._replace(network=override.value)


def _flag(field: str, key: str) -> _Change:
    return lambda target, _, override: _with(target, field, _parsed_flag(override.value, key))


def _parsed_flag(text: str, key: str) -> bool:
    found = parse_bool(text)
    if found is None:
        raise DefinitionFault(f'invalid value "{text}" of {key}: true or false is required')
    return found


def _member(field: str, key: str) -> _Change:
    def change(target: BakeTarget, rest: str, override: Override) -> BakeTarget:
        if not rest:
            raise DefinitionFault(f"{key} needs a name, as in target.{key}.NAME=value")
        return _with(target, field, {**(getattr(target, field) or {}), rest: override.value})

    return change


def _texts(field: str) -> _Change:
    def change(target: BakeTarget, _: str, override: Override) -> BakeTarget:
        before = (getattr(target, field) or ()) if override.append else ()
        return _with(target, field, (*before, *override.values))

    return change


def _added(field: str) -> _Change:
    return lambda target, _, override: _with(
        target, field, (*(getattr(target, field) or ()), *override.values)
    )


def _entries(field: str, parse: Callable[[str], Any]) -> _Change:
    def change(target: BakeTarget, _: str, override: Override) -> BakeTarget:
        entries: list[Any] = []
        for text in override.values:
            if text:
                found = parse(text)
                entries += found if isinstance(found, list) else [found]
        given = tuple(entries)
        if not override.append:
            return _with(target, field, given)
        before = getattr(target, field)
        if field in {"outputs", "cache_to"}:
            return _with(target, field, (*(before or ()), *given))
        return merged(target, _with(BakeTarget(), field, given))

    return change


def _attest(target: BakeTarget, _: str, override: Override) -> BakeTarget:
    return merged(target, BakeTarget(attest=tuple(parse_attest(each) for each in override.values if each)))


def _policy(target: BakeTarget, _: str, override: Override) -> BakeTarget:
    before = (target.policy or ()) if override.append else ()
    return target._replace(policy=(*before, *(parse_policy(each) for each in override.values)))


def _resources(target: BakeTarget, rest: str, override: Override) -> BakeTarget:
    return target._replace(resources=with_field(target.resources, rest, override.value))


def _push(target: BakeTarget, _: str, override: Override) -> BakeTarget:
    return target._replace(outputs=_pushed(target.outputs or (), push=_parsed_flag(override.value, "push")))


def _pushed(outputs: Sequence[Export], *, push: bool) -> tuple[Export, ...]:
    flagged = {"push": "true" if push else "false"}
    if not push:
        kept = [each for each in outputs if each.type != "registry"]
    elif all(each.type == "docker" for each in outputs):
        kept = [*outputs, Export("image", "", {"push": "true"})]
    else:
        kept = list(outputs)
    return tuple(
        each._replace(attrs={**each.attrs, **flagged}) if each.type == "image" else each for each in kept
    )


def _load(target: BakeTarget, _: str, override: Override) -> BakeTarget:
    outputs = target.outputs or ()
    if not _parsed_flag(override.value, "load"):
        return target
    for each in outputs:
        if (each.type == "docker" and not each.destination) or each.type not in {
            "docker",
            "image",
            "registry",
            "oci",
        }:
            return target
    return target._replace(outputs=(*outputs, Export("docker", "", {})))


_CHANGES: Mapping[str, _Change] = {
    "context": _text("context"),
    "dockerfile": _text("dockerfile"),
    "target": _text("target"),
    "call": _text("call"),
    "shm-size": _text("shm_size"),
    "network": _network,
    "args": _member("args", "args"),
    "contexts": _member("contexts", "contexts"),
    "labels": _member("labels", "labels"),
    "extra-hosts": _member("extra_hosts", "extra-hosts"),
    "tags": _texts("tags"),
    "platform": _texts("platforms"),
    "no-cache-filter": _texts("no_cache_filter"),
    "ulimits": _texts("ulimits"),
    "entitlements": _added("entitlements"),
    "annotations": _added("annotations"),
    "attest": _attest,
    "policy": _policy,
    "cache-from": _entries("cache_from", parse_caches),
    "cache-to": _entries("cache_to", parse_caches),
    "output": _entries("outputs", parse_export),
    "secrets": _entries("secrets", parse_secret),
    "ssh": _entries("ssh", parse_ssh),
    "resources": _resources,
    "no-cache": _flag("no_cache", "no-cache"),
    "pull": _flag("pull", "pull"),
    "push": _push,
    "load": _load,
}
"""What each key changes, by buildx's names."""


def bake_overrides(  # noqa: PLR0913 -- each is a flag
    *,
    push: bool = False,
    load: bool = False,
    call: str | None = None,
    no_cache: bool | None = None,
    pull: bool | None = None,
    sbom: str = "",
    provenance: str = "",
) -> list[str]:
    """Return the overrides that flags of the command stand for; they come after those of ``--set``."""
    texts = ["*.push=true"] * push + ["*.load=true"] * load
    if call:
        texts.append(f"*.call={call}")
    for name, flag in (("no-cache", no_cache), ("pull", pull)):
        if flag is not None:
            texts.append(f"*.{name}={'true' if flag else 'false'}")
    texts += [
        f"*.attest={attest_shorthand(kind, text)}"
        for kind, text in (("sbom", sbom), ("provenance", provenance))
        if text
    ]
    return texts
