"""Quantities of Kubernetes (``50Gi``, ``500m``, ``1e9``): a decimal number with a suffix."""

from __future__ import annotations

import re
from fractions import Fraction

from router.model.frozen import frozen
from router.notation.flag import Flag

__all__ = ["Quantity", "parse_quantity"]

_QUANTITY = r"(?a)(\d+(?:\.\d*)?|\.\d+)(?:([KMGTPE]i|[nuµmkMGTPE]?)|[eE]([+-]?\d{1,2}))"
_FACTORS = {
    **{suffix: Fraction(1000) ** power for power, suffix in enumerate(("", "k", "M", "G", "T", "P", "E"))},
    **{
        suffix: Fraction(1024) ** power
        for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)
    },
    **{suffix: Fraction(1, 1000**power) for power, suffix in enumerate(("m", "u", "n"), 1)},
}


@frozen
class Quantity:
    """A quantity as it was written, and how much that is."""

    text: str
    value: Fraction

    def __str__(self) -> str:
        return self.text


def parse_quantity(text: str, flag: Flag) -> Quantity:
    """Return a quantity above zero. Raises ``UsageError`` naming ``flag``."""
    match = re.fullmatch(_QUANTITY, text)
    if match is None:
        raise flag.error(text, "a quantity is a number with a unit (Ki, Mi, Gi, Ti, k, M, G, T, m)")
    number, suffix, exponent = match.groups(default="")
    factor = Fraction(10) ** int(exponent) if exponent else _FACTORS[suffix.replace("µ", "u")]
    value = Fraction(number.rstrip(".")) * factor
    if not value:
        raise flag.error(text, "it must be more than zero")
    return Quantity(text=text, value=value)
