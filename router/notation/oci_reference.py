"""``oci-layout://PATH[:TAG][@DIGEST]``: an image in a directory of the OCI image layout.

A path may hold colons and at signs: what follows the last of them counts as a tag or a digest only where it
can be one.
"""

from __future__ import annotations

import re

from router.model.frozen import frozen
from router.notation.digest import ALGORITHMS, is_digest
from router.notation.flag import Flag

__all__ = ["OCIReference", "format_oci_reference", "is_oci_reference", "parse_oci_reference"]

_PREFIX = "oci-layout://"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
# What can't be a part of a path by any reading: it is a digest, right or wrong.
_DIGEST_LIKE = r"[A-Za-z0-9_+.-]+:[0-9a-fA-F]{32,}"


@frozen
class OCIReference:
    """``tag`` and ``digest`` are empty where they weren't given; ``latest`` stands in for both."""

    path: str
    tag: str = ""
    digest: str = ""


def is_oci_reference(text: str) -> bool:
    """Say whether ``text`` is of this form, right or wrong."""
    return text.startswith(_PREFIX)


def parse_oci_reference(text: str, flag: Flag) -> OCIReference:
    """Parse one. Raises ``UsageError`` naming ``flag`` for a missing path or a malformed digest."""
    path, digest, tag = text.removeprefix(_PREFIX), "", ""
    before, at, after = path.rpartition("@")
    if at and re.fullmatch(_DIGEST_LIKE, after):
        if not is_digest(after):
            known = ", ".join(f"{name}:{length} hexadecimal digits" for name, length in ALGORITHMS.items())
            raise flag.error(text, f"the digest is of no known form ({known})")
        path, digest = before, after
    before, colon, after = path.rpartition(":")
    if colon and re.fullmatch(_TAG, after):
        path, tag = before, after
    if not path:
        raise flag.error(text, "the directory's path is missing")
    if not tag and not digest:
        tag = "latest"
    return OCIReference(path=path, tag=tag, digest=digest)


def format_oci_reference(reference: OCIReference) -> str:
    """Return the text that names ``reference``."""
    tag = f":{reference.tag}" if reference.tag else ""
    digest = f"@{reference.digest}" if reference.digest else ""
    return f"{_PREFIX}{reference.path}{tag}{digest}"
