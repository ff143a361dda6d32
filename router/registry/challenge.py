"""``WWW-Authenticate``: what a registry wants before it answers. Pure."""

from __future__ import annotations

import re

from router.model.frozen import frozen

__all__ = ["Challenge", "parse_challenge"]

_PARAMETER = r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))'


@frozen
class Challenge:
    """``scheme`` is in lower case; the others are empty where the registry doesn't say."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenge(header: str) -> Challenge:
    """Read the first challenge of a header."""
    scheme, _, rest = header.strip().partition(" ")
    said = {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare
        for name, quoted, bare in re.findall(_PARAMETER, rest)
    }
    return Challenge(
        scheme=scheme.lower(),
        realm=said.get("realm", ""),
        service=said.get("service", ""),
        scope=said.get("scope", ""),
    )
