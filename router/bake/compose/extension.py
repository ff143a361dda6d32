"""``x-bake`` in a build section: what Compose itself has no words for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from router.bake.compose.merging import go_text
from router.bake.entries import parse_caches, parse_export, parse_secret, parse_ssh
from router.bake.places import DefinitionFault
from router.bake.target import BakeTarget, last_of_each, without_repeats

__all__ = ["extended", "named_contexts"]


def named_contexts(contexts: dict[str, Any]) -> dict[str, str]:
    """Return contexts as targets have them: another service is another target."""
    made: dict[str, str] = {}
    for name, context in contexts.items():
        text = go_text(context)
        if text.startswith(("service:", "target:")):
            text = "target:" + text.partition(":")[2].replace(".", "_")
        made[name] = text
    return made


def extended(target: BakeTarget, extension: Any, where: str) -> BakeTarget:
    """Return a target with what its ``x-bake`` adds."""
    if extension is None:
        return target
    if not isinstance(extension, dict):
        raise DefinitionFault(f"{where}.x-bake must be a mapping")
    changes: dict[str, Any] = {}
    for key, field in (("tags", "tags"), ("platforms", "platforms"), ("no-cache-filter", "no_cache_filter")):
        added = _texts(extension, key, where)
        if added:
            changes[field] = tuple(dict.fromkeys((*(getattr(target, field) or ()), *added)))
    for key, field, parse, joined in _ENTRIES:
        entries = _parsed(_texts(extension, key, where), parse)
        if entries:
            changes[field] = joined((*(getattr(target, field) or ()), *entries))
    for key, field in (("pull", "pull"), ("no-cache", "no_cache")):
        if extension.get(key) is not None:
            changes[field] = _flag(extension[key], f"{where}.x-bake.{key}")
    contexts = extension.get("contexts")
    if contexts is not None and not isinstance(contexts, dict):
        raise DefinitionFault(f"{where}.x-bake.contexts must be a mapping")
    if contexts:
        changes["contexts"] = {**named_contexts(contexts), **(target.contexts or {})}
    return target._replace(**changes)


def _texts(extension: dict[str, Any], key: str, where: str) -> Sequence[str]:
    value = extension.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        return ["" if each is None else go_text(each) for each in value]
    if isinstance(value, dict | list):
        raise DefinitionFault(f"{where}.x-bake.{key} must be a list of texts")
    return go_text(value).split()


def _parsed(texts: Sequence[str], parse: Callable[[str], Any]) -> list[Any]:
    entries: list[Any] = []
    for text in texts:
        if text:
            found = parse(text)
            entries += found if isinstance(found, list) else [found]
    return entries


def _flag(value: Any, where: str) -> bool:
    if isinstance(value, bool):
        return value
    # Without quotes these are bools of older YAML.
    if isinstance(value, str) and value.lower() in {"yes", "no", "on", "off", "y", "n"}:
        return value.lower() in {"yes", "on", "y"}
    raise DefinitionFault(f"{where} must be true or false")


def _by_id(entries: Sequence[Any]) -> tuple[Any, ...]:
    return last_of_each(entries, lambda each: each.id)


def _in_order(entries: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(sorted(_by_id(entries)))


_ENTRIES: tuple[tuple[str, str, Callable[[str], Any], Callable[[Sequence[Any]], tuple[Any, ...]]], ...] = (
    ("cache-from", "cache_from", parse_caches, without_repeats),
    ("cache-to", "cache_to", parse_caches, without_repeats),
    ("secret", "secrets", parse_secret, _by_id),
    ("ssh", "ssh", parse_ssh, _in_order),
    ("output", "outputs", parse_export, without_repeats),
)
"""The keys of entries: the field that each adds to, how one is read, and how repeats are left out."""
