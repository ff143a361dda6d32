"""``--identity name|node|label:KEY|annotation:KEY``: what of a pod placement hashes."""

from __future__ import annotations

from router.model.identity import Identity
from router.notation.flag import Flag

__all__ = ["format_identity", "parse_identity"]

_FLAG = Flag(name="--identity", example="label:apps.kubernetes.io/pod-index")


def parse_identity(text: str, flag: Flag = _FLAG) -> Identity:
    """Parse an identity. Raises ``UsageError`` naming ``flag``."""
    word, colon, key = text.partition(":")
    match word, colon:
        case (("name" | "node"), ""):
            return Identity(kind=word)
        case (("label" | "annotation"), ":") if key:
            return Identity(kind=word, key=key)
        case (("label" | "annotation"), _):
            raise flag.error(text, f"the {word} is missing: write it after a colon")
        case _:
            raise flag.error(text, "a pod's identity is its name, its node, label:KEY or annotation:KEY")


def format_identity(identity: Identity) -> str:
    """Return the text that ``parse_identity`` reads."""
    return f"{identity.kind}:{identity.key}" if identity.key else identity.kind
