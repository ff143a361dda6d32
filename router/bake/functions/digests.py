"""Functions of cryptography: digests, UUIDs."""

from __future__ import annotations

import hashlib
import uuid

from router.bake.functions.signature import TEXT, Builtin, Parameter, of
from router.bake.places import DefinitionFault
from router.bake.values import NUMBER, Number

__all__ = ["FUNCTIONS"]

_NAMESPACES = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}


def _digest(name: str) -> Builtin:
    return of(lambda text: hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest(), ("str", TEXT))


def _uuid5(namespace: str, name: str) -> str:
    known = _NAMESPACES.get(namespace)
    if known is None:
        try:
            known = uuid.UUID(namespace)
        except ValueError:
            raise DefinitionFault(
                f'"{namespace[:60]}" is no namespace: use dns, url, oid, x500 or a UUID'
            ) from None
    return str(uuid.uuid5(known, name))


def _bcrypt(_text: str, *_cost: Number) -> str:
    raise DefinitionFault(
        "bcrypt is not supported: its result differs each time, and no build can be cached by it"
    )


FUNCTIONS: dict[str, Builtin] = {
    **{name: _digest(name) for name in ("md5", "sha1", "sha256", "sha512")},
    "bcrypt": of(_bcrypt, ("str", TEXT), rest=Parameter("cost", NUMBER)),
    "uuidv4": of(lambda: str(uuid.uuid4())),
    "uuidv5": of(_uuid5, ("namespace", TEXT), ("name", TEXT)),
}
