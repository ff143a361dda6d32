"""``--addr [NAME=]URL``: daemons listed by hand.

The name is what placement hashes, so a daemon that has one keeps its keys when its address changes;
without one the address, as it was written, is the name. What a scheme means is the transports' to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from router.address import parse_daemons
from router.model.address import Address, DnsName, NamedAddress
from router.notation.flag import Flag
from router.notation.url import without_credentials

__all__ = ["ADDR", "format_address", "parse_addresses"]

ADDR = Flag(name="--addr", example="tcp://buildkitd-0.example.com:1234")

_ADDRESS = r"(?:(?P<name>[^=/\s]+)=)?(?P<url>[^=\s]\S*)"


def parse_addresses(texts: Iterable[str], flag: Flag = ADDR) -> tuple[NamedAddress, ...]:
    """Parse addresses, each text a comma list, into pairs of name and address; one pair twice counts once.

    Raises ``UsageError`` naming ``flag``.
    """
    found: dict[NamedAddress, None] = {}
    for text in texts:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if not parts:
            raise flag.error(text, "it is empty")
        found.update(dict.fromkeys(_parse(part, flag) for part in parts))
    return tuple(found)


def format_address(name: str, address: Address | DnsName) -> str:
    """Return the text that is read as this name and address."""
    return name if "://" in name else f"{name}={address}"  # such a name is how the address was written


def _parse(text: str, flag: Flag) -> NamedAddress:
    match = re.fullmatch(_ADDRESS, text)
    if match is None:
        raise flag.error(without_credentials(text), "an address is scheme://..., or NAME=scheme://...")
    return match["name"] or match["url"], parse_daemons(match["url"], flag)
