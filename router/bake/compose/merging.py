"""Several compose files as one: what the later ones say is added to, or stands in place of, what there is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from router.bake.places import DefinitionFault

__all__ = ["as_sequence", "go_text", "merge", "unique", "without"]

_SERVICE = r"services\.[^.]+\."
_ADDED = re.compile(
    rf"{_SERVICE}(?:annotations|build\.(?:args|additional_contexts|labels)|deploy\.labels|dns|dns_opt|dns_search"
    r"|env_file|label_file|environment|labels|sysctls|tmpfs)\Z"
)
_REPLACED = re.compile(rf"{_SERVICE}(?:command|entrypoint|healthcheck\.test|ulimits\.[^.]+)\Z")
_HOSTS = re.compile(rf"{_SERVICE}(?:build\.)?extra_hosts\Z")
_BUILD = re.compile(rf"{_SERVICE}build\Z")
_NAMED = re.compile(rf"{_SERVICE}(?:depends_on|networks|models)\Z")
_BY_KEY = re.compile(
    rf"{_SERVICE}(?:annotations|build\.(?:args|additional_contexts|platform|tags|labels)|environment|labels)\Z"
)


def merge(one: Any, other: Any, path: str = "") -> Any:
    """Return a value with another's, at a path of names with dots between."""
    if _ADDED.match(path):
        return [*as_sequence(one), *as_sequence(other)]
    if _HOSTS.match(path):
        known = as_sequence(one)
        return [*known, *(each for each in as_sequence(other) if each not in known)]
    if _REPLACED.match(path):
        return other
    if _BUILD.match(path):
        return _mappings(_as_build(one), _as_build(other), path)
    if _NAMED.match(path):
        return _mappings(_as_named(one), _as_named(other), path)
    if other is None:
        return one
    if isinstance(one, dict) and isinstance(other, dict):
        return _mappings(one, other, path)
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    if isinstance(one, dict | list):
        raise DefinitionFault(f"{path} can't be overridden by something of another kind")
    return other


def _mappings(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> dict[str, Any]:
    made = dict(one)
    for key, value in other.items():
        within = f"{path}.{key}" if path else key
        made[key] = merge(made[key], value, within) if key in made else value
    return made


def _as_build(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        return {"context": value}
    return value if isinstance(value, dict) else {}


def _as_named(value: Any) -> Mapping[str, Any]:
    if isinstance(value, list):
        return {str(each): None for each in value}
    return value if isinstance(value, dict) else {}


def as_sequence(value: Any) -> Sequence[Any]:
    """Return a mapping as ``key=value`` texts in order, and a single text as a list."""
    if isinstance(value, dict):
        texts: list[str] = []
        for key, each in value.items():
            if each is None:
                texts.append(key)
            elif isinstance(each, list):
                texts += [f"{key}={go_text(one)}" for one in each]
            else:
                texts.append(f"{key}={go_text(each)}")
        return sorted(texts)
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str) else []


def go_text(value: Any) -> str:
    """Return a value as Go's ``fmt`` writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "<nil>"
    if isinstance(value, float):
        return _go_float(value)
    return str(value)


def _go_float(value: float) -> str:
    if value != value:  # noqa: PLR0124 -- not a number
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "+Inf" if value > 0 else "-Inf"
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    mantissa, e, exponent = repr(value).partition("e")
    if not e:
        return mantissa
    if -5 < int(exponent) < 21:
        return f"{value:.{20}f}".rstrip("0")
    mantissa = mantissa.removesuffix(".0")
    return f"{mantissa}e{exponent[0] if exponent[0] == '-' else '+'}{exponent.lstrip('+-').rjust(2, '0')}"


def unique(value: Any, path: str = "") -> Any:
    """Return a value whose lists of ``key=value`` have each key once: the last, in the place of the first."""
    if isinstance(value, dict):
        return {key: unique(each, f"{path}.{key}" if path else key) for key, each in value.items()}
    if isinstance(value, list) and _BY_KEY.match(path):
        kept: dict[str, Any] = {}
        for each in value:
            if not isinstance(each, str):
                raise DefinitionFault(f"{path} must hold texts")
            kept[each.partition("=")[0]] = each
        return list(kept.values())
    return value


def without(value: Any, paths: Sequence[tuple[str, ...]], here: tuple[str, ...] = ()) -> Any:
    """Return a value without what stands at some paths."""
    if not paths or not isinstance(value, dict):
        return value
    return {
        key: without(each, paths, (*here, key)) for key, each in value.items() if (*here, key) not in paths
    }
