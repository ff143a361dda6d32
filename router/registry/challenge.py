"""``WWW-Authenticate``: what a registry wants before it answers. Pure."""

from __future__ import annotations

import re

from router.model.frozen import frozen

__all__ = ["Challenge", "parse_challenge"]

# A name begins where a word does: from within a long one the search would be quadratic.
_PARAMETER = r'\b(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))'
# Characters that are read. Real ones have some hundred; each name within a quotation that does not end would
# look for the end again.
_LONGEST = 4096


@frozen
class Challenge:
    """``scheme`` is in lower case; the others are empty where the registry doesn't say."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenge(header: str) -> Challenge:
    """Read the first challenge of a header."""
    scheme, _, rest = header[:_LONGEST].strip().partition(" ")
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
