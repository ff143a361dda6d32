"""``--allow``: what the build may do beyond the usual. Whether it is granted is the daemon's to say."""

from __future__ import annotations

from collections.abc import Iterable

from router.notation.csv import parse_fields
from router.notation.flag import Flag

__all__ = ["LOCAL_DELETE", "parse_entitlement", "parse_entitlements"]

LOCAL_DELETE = "buildx.local.delete"
"""To remove files outside of the working directory: this machine's affair, which no daemon is told."""

_FLAG = Flag(name="--allow", example="network.host")

_PLAIN = ("network.host", "security.insecure", "device", LOCAL_DELETE)


def parse_entitlements(texts: Iterable[str]) -> tuple[str, ...]:
    """Check several and return them as the daemon takes them, each once; empty texts count for nothing.

    Raises ``UsageError``.
    """
    return tuple(dict.fromkeys(parse_entitlement(text) for text in texts if text))


def parse_entitlement(text: str) -> str:
    """Check ``network.host``, ``security.insecure``, ``device[=NAME[,alias=NAME]]``, ``buildx.local.delete``.

    Raises ``UsageError``.
    """
    if text in _PLAIN:
        return text
    kind, equals, device = text.partition("=")
    if kind != "device" or not equals:
        raise _FLAG.error(text, f"it is not one of {', '.join(_PLAIN)}")
    if not device:
        return kind
    for option in parse_fields(device, _FLAG)[1:]:
        if not option.startswith("alias="):
            raise _FLAG.error(text, f'"{option}" is no option of a device (alias=NAME)')
    return text
