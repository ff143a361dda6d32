"""The values in a build section, each with the type that Compose wants there."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from router.bake.compose.merging import go_text
from router.bake.places import DefinitionFault

__all__ = ["Section"]

_TRUE = frozenset({"true", "y", "yes", "on"})
_FALSE = frozenset({"false", "n", "no", "off"})
_SIZE = r"(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?\Z"
_UNITS = ("", "k", "m", "g", "t", "p")
_NAMES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


class Section:
    """A mapping at a place, with readers that name the place where something is wrong."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self.values = values
        self._where = where

    def fail(self, key: str, wanted: str) -> DefinitionFault:
        """Return the fault for a value of the wrong kind."""
        return DefinitionFault(f"{self._where}.{key} must be {wanted}")

    def text(self, key: str) -> str | None:
        """Return a text, None where it is missing or empty."""
        value = self.values.get(key)
        if value is None:
            if key in self.values:
                raise self.fail(key, "a text")
            return None
        if not isinstance(value, str):
            raise self.fail(key, "a text")
        return value or None

    def flag(self, key: str) -> bool:
        """Return a flag, false where it is missing."""
        value = self.values.get(key, False)
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
            return value.lower() in _TRUE
        raise self.fail(key, "true or false")

    def texts(self, key: str, *, single: bool = False) -> tuple[str, ...] | None:
        """Return a list of texts, None where it is missing; one text alone where ``single`` allows it."""
        if key not in self.values:
            return None
        value = self.values[key]
        if single and isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.fail(key, "a list of texts")
        return tuple(value)

    def mapped(self, key: str) -> dict[str, str | None] | None:
        """Return a mapping, given as one or as a list of ``key=value``; None where it is missing."""
        if key not in self.values:
            return None
        value = self.values[key]
        if isinstance(value, dict):
            if any(isinstance(each, dict | list) or _is_endless(each) for each in value.values()):
                raise self.fail(key, "a mapping to texts")
            return {name: None if each is None else go_text(each) for name, each in value.items()}
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.fail(key, "a mapping, or a list of key=value")
        pairs = [each.partition("=") for each in value]
        for name, _, _ in pairs:
            if name[-1:].isspace():
                raise self.fail(key, f'a mapping: the name "{name}" ends with a space')
        return {name: text if equals else None for name, equals, text in pairs}

    def hosts(self, key: str) -> dict[str, str | None] | None:
        """Return host names with their addresses, None where they are missing."""
        if key not in self.values:
            return None
        value = self.values[key]
        found: dict[str, list[str]] = {}
        if isinstance(value, dict):
            for name, each in value.items():
                if not isinstance(each, str | list | None):
                    raise self.fail(f"{key}.{name}", "an address, or a list of addresses")
                found[name] = [go_text(one) for one in each] if isinstance(each, list) else [each or ""]
        elif isinstance(value, list):
            for each in value:
                text = go_text(each)
                name, separator, address = text.partition("=" if "=" in text else ":")
                if not separator:
                    raise self.fail(key, f'a list of host=address, not "{text}"')
                found.setdefault(name, []).extend(address.split(","))
        else:
            raise self.fail(key, "a mapping, or a list of host=address")
        for name in found:
            if not name or ":" in name or "=" in name:
                raise self.fail(key, f'a mapping of hosts, and "{name}" is no host\'s name')
        return {name: ",".join(map(_unbracketed, addresses)) for name, addresses in found.items()}

    def size(self, key: str) -> str | None:
        """Return a number of bytes as bake prints it, None where it is missing or zero."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            match = re.match(_SIZE, value.lower())
            if match is None:
                raise self.fail(key, f'a size such as 128m, not "{value}"')
            value = int(float(match[1]) * 1024 ** _UNITS.index(match[2]))
        if not isinstance(value, int):
            raise self.fail(key, "a size")
        return _as_size(value) if value > 0 else None

    def limits(self, key: str) -> tuple[str, ...] | None:
        """Return limits as ``name=soft:hard``, None where they are missing."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.fail(key, "a mapping")
        return tuple(self._limit(f"{key}.{name}", name, value[name]) for name in sorted(value))

    def _limit(self, key: str, name: str, value: Any) -> str:
        if isinstance(value, dict):
            soft, hard = value.get("soft", 0), value.get("hard", 0)
        else:
            # A single number is both.
            soft = hard = value
        if not isinstance(soft, int) or not isinstance(hard, int):
            raise self.fail(key, "a number, or soft and hard")
        if soft > hard >= 0:
            raise self.fail(key, "at most as large softly as hard")
        return f"{name}={soft}:{hard}"


def _is_endless(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _unbracketed(address: str) -> str:
    return address[1:-1] if len(address) > 2 and address[0] == "[" and address[-1] == "]" else address


def _as_size(size: int) -> str:
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_NAMES) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.4g}{_NAMES[unit]}"
