"""Sizes in bytes (``--shm-size``): a number with a unit in powers of 1024, as Docker reads them."""

from __future__ import annotations

import re

from router.notation.flag import Flag

__all__ = ["SHM_SIZE", "format_size", "parse_size"]

SHM_SIZE = Flag(name="--shm-size", example="128m")

_SIZE = r"(?ai)(\d+(?:\.\d*)?|\.\d+) ?(?:([kmgtp])(?:i?b)?|b)?"
_EXPONENTS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def parse_size(text: str, flag: Flag) -> int:
    """Return bytes, rounded down. Raises ``UsageError`` naming ``flag``."""
    match = re.fullmatch(_SIZE, text)
    if match is None:
        raise flag.error(text, "a size is a number with a unit (b, k, m, g, t, p)")
    number, unit = match.groups(default="")
    factor = 1024 ** _EXPONENTS[unit.lower()]
    return int(number) * factor if number.isdigit() else int(float(number) * factor)


def format_size(size: int) -> str:
    """Return the text that ``parse_size`` reads as ``size``, in bytes."""
    return str(size)
