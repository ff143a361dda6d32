"""``--registry-auth-tlscontext``: how a registry's token server is verified, and who asks it."""

from __future__ import annotations

from collections.abc import Iterable

from router.model.build_options import RegistryTLS
from router.notation.boolean import parse_bool
from router.notation.csv import format_pairs, parse_pairs
from router.notation.flag import Flag

__all__ = ["format_registry_tls", "parse_registry_tls", "parse_registry_tlss"]

_FLAG = Flag(name="--registry-auth-tlscontext", example="host=registry.example:5000,ca=ca.pem")
_KEYS = ("host", "ca", "cert", "key", "insecure")


def parse_registry_tlss(texts: Iterable[str]) -> tuple[RegistryTLS, ...]:
    """Parse several; those for one host add up, an empty text doesn't count. Raises ``UsageError``."""
    return tuple(parse_registry_tls(text) for text in texts if text)


def parse_registry_tls(text: str) -> RegistryTLS:
    """Parse ``host=`` with ``ca=``, with ``cert=`` and ``key=``, or with ``insecure=true``.

    Raises ``UsageError``.
    """
    given: dict[str, str] = {}
    for key, value in parse_pairs(text, _FLAG):
        if key not in _KEYS:
            raise _FLAG.error(text, f"unknown key {key} (the keys are {', '.join(_KEYS)})")
        given[key] = value
    insecure = parse_bool(given.get("insecure", "false"))
    if insecure is None:
        raise _FLAG.error(text, "insecure must be true or false")
    if not given.get("host"):
        raise _FLAG.error(text, "the key host is missing")
    if bool(given.get("cert")) != bool(given.get("key")):
        raise _FLAG.error(text, "cert and key belong together")
    if not (insecure or given.get("ca") or given.get("cert")):
        raise _FLAG.error(text, "it needs ca, cert and key, or insecure=true")
    return RegistryTLS(
        host=given["host"],
        ca=given.get("ca", ""),
        cert=given.get("cert", ""),
        key=given.get("key", ""),
        insecure=insecure,
    )


def format_registry_tls(tls: RegistryTLS) -> str:
    """Return the text that ``parse_registry_tls`` reads as ``tls``."""
    files = {"ca": tls.ca, "cert": tls.cert, "key": tls.key, "insecure": "true" if tls.insecure else ""}
    return format_pairs({"host": tls.host, **{name: value for name, value in files.items() if value}})
