"""Digests of content, ``algorithm:hex``, as OCI writes them.

Strict, because a digest becomes the name of a file: what is accepted holds one colon, and neither slashes
nor dots.
"""

from __future__ import annotations

import re

__all__ = ["ALGORITHMS", "is_digest"]

ALGORITHMS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""The registered algorithms, each with the number of its hexadecimal digits."""


def is_digest(text: str) -> bool:
    """Say whether ``text`` is a digest by one of the registered algorithms, in lower case."""
    algorithm, colon, digits = text.partition(":")
    return bool(colon and len(digits) == ALGORITHMS.get(algorithm, -1) and re.fullmatch("[0-9a-f]+", digits))
