"""Targets and groups of a definition, and how one target adds to another.

A field that is None was not given; an empty one was given empty, which counts where a field replaces
another's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from router.bake.entries import Attest, Cache, Export, Policy, Resources, Secret, SSHKeys
from router.bake.places import DefinitionFault

__all__ = ["BakeGroup", "BakeTarget", "merged", "normalized", "size_of", "without_repeats"]

_T = TypeVar("_T", bound=Hashable)
_MOST_ENTRIES = 1000

Texts = tuple[str, ...]
Mapped = Mapping[str, str | None]


class BakeGroup(NamedTuple):
    """A name for several targets and groups; None stands for those of compose files without a build."""

    name: str
    targets: Texts | None = ()
    description: str = ""


class BakeTarget(NamedTuple):
    """One build of a definition. ``contexts`` may name other targets (``target:NAME``), built with it.

    ``linked`` says that it is built for others' sake alone, and has no output.
    """

    name: str = ""
    description: str = ""
    inherits: Texts | None = None
    annotations: Texts | None = None
    attest: tuple[Attest, ...] | None = None
    context: str | None = None
    contexts: Mapping[str, str] | None = None
    dockerfile: str | None = None
    dockerfile_inline: str | None = None
    args: Mapped | None = None
    labels: Mapped | None = None
    tags: Texts | None = None
    cache_from: tuple[Cache, ...] | None = None
    cache_to: tuple[Cache, ...] | None = None
    target: str | None = None
    secrets: tuple[Secret, ...] | None = None
    ssh: tuple[SSHKeys, ...] | None = None
    platforms: Texts | None = None
    outputs: tuple[Export, ...] | None = None
    pull: bool | None = None
    no_cache: bool | None = None
    network: str | None = None
    no_cache_filter: Texts | None = None
    shm_size: str | None = None
    ulimits: Texts | None = None
    resources: Resources | None = None
    call: str | None = None
    entitlements: Texts | None = None
    extra_hosts: Mapped | None = None
    policy: tuple[Policy, ...] | None = None
    linked: bool = False


def _joined(one: tuple[Any, ...] | None, other: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*(one or ()), *other)


def _overlaid(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = {key: value for key, value in other.items() if value is not None}
    return {**(one or {}), **found} if found else one


def size_of(target: BakeTarget) -> tuple[int, int]:
    """Return how many entries a target has, and how many characters its texts."""
    entries = characters = 0
    for value in target:
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, Mapping):
            entries += len(value)
            characters += sum(len(str(each)) for each in value.values())
        elif isinstance(value, tuple):
            entries += len(value)
            characters += sum(len(each) for each in value if isinstance(each, str))
    return entries, characters


def last_of_each(entries: Iterable[Any], key: Callable[[Any], str]) -> tuple[Any, ...]:
    """Return entries with the last of each key in the place of its first."""
    kept: dict[str, Any] = {}
    for each in entries:
        kept[key(each)] = each
    return tuple(kept.values())


def without_repeats(entries: Sequence[_T]) -> tuple[_T, ...]:
    """Return entries with each once, in buildx's order: what repeats an earlier one gives its place to the
    last."""
    kept = list(entries)
    if len(kept) > _MOST_ENTRIES:
        raise DefinitionFault(f"a target has more than {_MOST_ENTRIES} outputs or caches")
    for index in range(len(kept) - 2, -1, -1):
        for later in range(index + 1, len(kept)):
            if kept[index] == kept[later]:
                kept[later] = kept[-1]
                kept.pop()
                break
    return tuple(kept)


def _merged_attests(one: tuple[Attest, ...] | None, other: tuple[Attest, ...]) -> tuple[Attest, ...] | None:
    return last_of_each(_joined(one, other), lambda each: each.type) or None if one is not None else other


def _merged_ids(one: tuple[Any, ...] | None, other: tuple[Any, ...]) -> tuple[Any, ...] | None:
    return last_of_each(_joined(one, other), lambda each: each.id) or None if one is not None else other


def _merged_caches(one: tuple[Any, ...] | None, other: tuple[Any, ...]) -> tuple[Any, ...] | None:
    return without_repeats(_joined(one, other)) or None


def _merged_resources(one: Resources | None, other: Resources) -> Resources:
    return {**(one or {}), **other}


_MERGE: Mapping[str, Callable[[Any, Any], Any]] = {
    "args": _overlaid,
    "contexts": _overlaid,
    "labels": _overlaid,
    "extra_hosts": _overlaid,
    "annotations": _joined,
    "attest": _merged_attests,
    "policy": _joined,
    "secrets": _merged_ids,
    "ssh": _merged_ids,
    "cache_from": _merged_caches,
    "no_cache_filter": _joined,
    "ulimits": _joined,
    "resources": _merged_resources,
    "entitlements": _joined,
    "inherits": _joined,
}
"""The fields to which another target adds; all others it replaces."""

_FIELDS = tuple(each for each in BakeTarget._fields if each not in {"name", "description", "linked"})


def merged(one: BakeTarget, other: BakeTarget) -> BakeTarget:
    """Return a target with what another gives."""
    changes: dict[str, Any] = {}
    if other.description:
        changes["description"] = other.description
    for name, value in zip(BakeTarget._fields, other, strict=True):
        if value is None or name in {"name", "description", "linked"}:
            continue
        merge = _MERGE.get(name)
        changes[name] = value if merge is None else merge(getattr(one, name), value)
    return one._replace(**changes)


def normalized(target: BakeTarget) -> BakeTarget:
    """Return a target with each entry once, and what its network asks for."""
    entitlements = list(target.entitlements or ())
    if target.network == "host":
        entitlements.append("network.host")
    contexts = {name: value for name, value in (target.contexts or {}).items() if value}
    return target._replace(
        annotations=_once(target.annotations),
        attest=_or_none(last_of_each(target.attest or (), lambda each: each.type)),
        tags=_once(target.tags),
        secrets=_or_none(last_of_each(target.secrets or (), lambda each: each.id)),
        ssh=_or_none(last_of_each(target.ssh or (), lambda each: each.id)),
        platforms=_once(target.platforms),
        cache_from=_or_none(without_repeats(target.cache_from or ())),
        cache_to=_or_none(without_repeats(target.cache_to or ())),
        outputs=_or_none(without_repeats(target.outputs or ())),
        no_cache_filter=_once(target.no_cache_filter),
        ulimits=_once(target.ulimits),
        entitlements=_once(tuple(entitlements)),
        contexts=contexts or None,
    )


def _or_none(entries: tuple[Any, ...]) -> tuple[Any, ...] | None:
    return entries or None


def _once(texts: Texts | None) -> Texts | None:
    """Return each text once, without empty ones."""
    return None if texts is None else tuple(each for each in dict.fromkeys(texts) if each)
