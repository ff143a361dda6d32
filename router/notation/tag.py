"""``-t/--tag`` and other image references, as Docker reads and normalises them.

The grammar is that of the distribution project: ``[domain[:port]/]path[:tag][@digest]``. Whether anything
by that name exists is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from router.model.frozen import frozen
from router.notation.flag import Flag

__all__ = ["Reference", "format_reference", "parse_reference", "parse_tags"]

_FLAG = Flag(name="--tag", example="registry.example.com/team/app:1.0")

_LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_IDENTIFIER = "[a-f0-9]+"
_IDENTIFIER_LENGTH = 64
_LONGEST_PATH = 255


@frozen
class Reference:
    """An image's normalised name: ``app`` has the domain ``docker.io`` and the path ``library/app``.

    ``tag`` and ``digest`` are empty where none was given: no ``latest`` is added.
    """

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """The name without tag and digest."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar(self) -> str:
        """The name as people write it: without ``docker.io/library/`` and without ``docker.io/``."""
        if self.domain != "docker.io":
            name = self.repository
        else:
            bare = self.path.removeprefix("library/")
            name = self.path if "/" in bare else bare
        return f"{name}{_tail(self)}"


def parse_tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Check several ``--tag`` values and return them as they stand; the same twice counts once.

    A digest is taken, as buildx takes it, and ignored: an image has the digest that its content
    gives it. Raises ``UsageError`` where one is no image's name.
    """
    tags = tuple(dict.fromkeys(texts))
    for tag in tags:
        parse_reference(tag)
    return tags


def parse_reference(text: str, flag: Flag = _FLAG) -> Reference:
    """Parse and normalise an image's name. Raises ``UsageError`` naming ``flag``."""
    if len(text) == _IDENTIFIER_LENGTH and re.fullmatch(_IDENTIFIER, text):
        raise flag.error(text, "64 hexadecimal digits are an image's id, not its name")
    rest, at, digest = text.partition("@")
    domain, remainder = _split_domain(rest)
    path, colon, tag = remainder.partition(":")
    _check_name(text, flag, domain=domain, path=path)
    if colon and not re.fullmatch(_TAG, tag):
        why = "a tag is up to 128 letters, digits, dots, dashes and underscores, not starting with . or -"
        raise flag.error(text, why)
    if at:
        _check_digest(text, flag, digest)
    return Reference(domain=domain, path=path, tag=tag, digest=digest)


def format_reference(reference: Reference) -> str:
    """Return the whole normalised name."""
    return f"{reference.repository}{_tail(reference)}"


def _tail(reference: Reference) -> str:
    tag = f":{reference.tag}" if reference.tag else ""
    digest = f"@{reference.digest}" if reference.digest else ""
    return tag + digest


def _split_domain(name: str) -> tuple[str, str]:
    # The first component is a host if it looks like one; docker.io is meant otherwise.
    first, slash, rest = name.partition("/")
    if not slash:
        return "docker.io", f"library/{name}"
    if first == "index.docker.io":
        first = "docker.io"
    if not (first == "localhost" or "." in first or ":" in first or first.lower() != first):
        return "docker.io", name
    if first == "docker.io" and "/" not in rest:
        return first, f"library/{rest}"
    return first, rest


def _check_name(text: str, flag: Flag, *, domain: str, path: str) -> None:
    bare = path.removeprefix("library/")
    if not bare:
        raise flag.error(text, "the repository's name is missing")
    if path.lower() != path:
        raise flag.error(text, f"the repository's name {bare} must be in lower case")
    if not re.fullmatch(_DOMAIN, domain):
        raise flag.error(text, f"{domain} is no registry's host")
    if not re.fullmatch(_PATH, path):
        why = "a repository's name is made of lower-case letters, digits and single separators . _ - /"
        raise flag.error(text, why)
    if len(path) > _LONGEST_PATH:
        raise flag.error(text, f"the repository's name has more than {_LONGEST_PATH} characters")


def _check_digest(text: str, flag: Flag, digest: str) -> None:
    if not re.fullmatch(_DIGEST, digest):
        raise flag.error(text, "a digest is an algorithm, a colon and hexadecimal digits")
    algorithm, _, digits = digest.partition(":")
    length = _HEX_LENGTHS.get(algorithm)
    if length is None:
        raise flag.error(text, f"the digest's algorithm {algorithm} is not one of {', '.join(_HEX_LENGTHS)}")
    if len(digits) != length or digits.lower() != digits:
        raise flag.error(text, f"a {algorithm} digest has {length} lower-case hexadecimal digits")
