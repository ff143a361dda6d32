"""``--resource KEY=VALUE``: limits of the cgroup in which a step runs."""

from __future__ import annotations

from collections.abc import Iterable

from router.notation.flag import Flag
from router.notation.size import parse_size

__all__ = ["RESOURCES", "parse_resources"]

_FLAG = Flag(name="--resource", example="memory=2g")

# The names of the frontend's options have no hyphens, nor "swap" in full.
_OPTIONS = {
    "memory": "memory",
    "memory-swap": "memswap",
    "cpu-shares": "cpushares",
    "cpu-period": "cpuperiod",
    "cpu-quota": "cpuquota",
    "cpuset-cpus": "cpusetcpus",
    "cpuset-mems": "cpusetmems",
}

RESOURCES = {option: key for key, option in _OPTIONS.items()}
"""The keys by the names of the frontend's options."""


def parse_resources(texts: Iterable[str]) -> dict[str, str]:
    """Return the frontend's options for several limits; the last of those with the same key counts.

    Sizes are bytes, with a unit; -1 for ``memory-swap`` is no limit. Raises ``UsageError``.
    """
    return dict(_parse(text) for text in texts if text)


def _parse(text: str) -> tuple[str, str]:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise _FLAG.error(text, "it is not of the form KEY=VALUE")
    if key not in _OPTIONS:
        raise _FLAG.error(text, f"unknown resource {key} (one of {', '.join(_OPTIONS)})")
    return _OPTIONS[key], _value(text, key, value)


def _value(text: str, key: str, value: str) -> str:
    if key == "memory-swap" and value == "-1":
        return value
    if key.startswith("memory"):
        return str(parse_size(value, _FLAG))
    if key.startswith("cpuset"):
        if not value:
            raise _FLAG.error(text, "the list is empty")
        return value
    if not value.isascii() or not value.isdigit():
        raise _FLAG.error(text, "it is not a whole number")
    return value
