"""``--toleration``: a taint that the fleet's pods put up with, as buildx's ``tolerations`` has it.

``key=dedicated,operator=Equal,value=builds,effect=NoSchedule``; several are separated by semicolons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from router.model.frozen import frozen
from router.notation.flag import Flag

__all__ = ["Toleration", "format_toleration", "parse_tolerations"]

_FLAG = Flag(name="--toleration", example="key=dedicated,operator=Equal,value=builds,effect=NoSchedule")
_KEYS = ("key", "operator", "value", "effect", "tolerationSeconds")
_CHOICES = {
    "operator": ("Exists", "Equal"),
    "effect": ("NoSchedule", "PreferNoSchedule", "NoExecute"),
}


@frozen
class Toleration:
    """A toleration; what is empty is not said, as in Kubernetes' own."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    seconds: int | None = None


def parse_tolerations(texts: Iterable[str]) -> tuple[Toleration, ...]:
    """Parse each text, which may hold several. Raises ``UsageError``."""
    return tuple(_parse(part.strip(), text) for text in texts for part in text.split(";") if part.strip())


def format_toleration(toleration: Toleration) -> str:
    """Return the text that is read as ``toleration``."""
    return ",".join(f"{name}={value}" for name, value in _pairs(toleration))


def _pairs(toleration: Toleration) -> Iterator[tuple[str, str]]:
    seconds = "" if toleration.seconds is None else str(toleration.seconds)
    values = (toleration.key, toleration.operator, toleration.value, toleration.effect, seconds)
    return ((name, value) for name, value in zip(_KEYS, values, strict=True) if value)


def _parse(part: str, text: str) -> Toleration:
    found: dict[str, str] = {}
    for field in part.split(","):
        name, equals, value = (each.strip() for each in field.partition("="))
        if name not in _KEYS or not equals:
            raise _FLAG.error(text, f'"{field}" is not a field: {", ".join(f"{key}=" for key in _KEYS)} are')
        if name in found:
            raise _FLAG.error(text, f"{name} is given twice")
        if value and value not in _CHOICES.get(name, (value,)):
            raise _FLAG.error(text, f"{name} must be one of {', '.join(_CHOICES[name])}")
        found[name] = value
    seconds = found.pop("tolerationSeconds", "")
    if seconds and not (seconds.isascii() and seconds.isdigit()):
        raise _FLAG.error(text, "tolerationSeconds must be a number")
    if not found.get("key") and found.get("operator") != "Exists":
        raise _FLAG.error(text, "without a key the operator must be Exists")
    return Toleration(**found, seconds=int(seconds) if seconds else None)
