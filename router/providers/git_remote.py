"""Which repository a directory belongs to, and where in it: read from git's files, without running git.

Understands ``remote.*.url`` of the repository's own config. Does not follow ``include``, nor apply
``insteadOf``: the URL is an identity here, not something to fetch from. Normalising it is up to placement.
"""

from __future__ import annotations

import os
import re

from router.model.frozen import frozen
from router.providers.git_checkout import find_checkout, read_file

__all__ = ["GitLocation", "find_git_location"]

_USERINFO = r"(?i)^(https?://)[^/@]+@"
_SECTION = r'^\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\](.*)$'
_MAX_CONFIG = 1 << 20


@frozen
class GitLocation:
    """``remote`` is a remote's URL without user and password of http; ``path`` is relative to the top of
    the working tree, with slashes, and empty at the top."""

    remote: str
    path: str


def find_git_location(directory: str) -> GitLocation | None:
    """Return where ``directory`` is, None outside of a repository and in one without a remote."""
    checkout = find_checkout(os.fsencode(directory))
    remote = _remote_url(os.fsdecode(checkout.common_directory)) if checkout else None
    if checkout is None or remote is None:
        return None
    path = os.path.relpath(os.path.realpath(directory), os.fsdecode(checkout.top))
    remote = re.sub(_USERINFO, r"\1", remote) if "@" in remote else remote
    return GitLocation(remote=remote, path="" if path == "." else path)


def _remote_url(git_directory: str) -> str | None:
    urls = _remote_urls(_read(os.path.join(git_directory, "config")))
    if "origin" in urls:
        return urls["origin"]
    return urls[min(urls)] if urls else None


def _read(path: str) -> str:
    return (read_file(os.fsencode(path), _MAX_CONFIG) or b"").decode("utf-8", "surrogateescape")


def _remote_urls(text: str) -> dict[str, str]:
    """Return the first URL of each remote: the one that git fetches from."""
    urls: dict[str, str] = {}
    remote: str | None = None
    for line in (re.sub(r"\\\r?\n", "", text) if "\\" in text else text).splitlines():
        stripped = line.strip()
        section = re.match(_SECTION, stripped)
        if section:
            name, subsection, stripped = section.groups()
            remote = _unescaped(subsection) if name.lower() == "remote" and subsection else None
        key, equals, value = stripped.strip().partition("=")
        if remote and equals and key.strip().lower() == "url":
            urls.setdefault(remote, _value(value))
    return urls


def _value(text: str) -> str:
    """Return a value without its quotes, escapes and trailing comment."""
    out: list[str] = []
    quoted = False
    characters = iter(text.strip())
    for character in characters:
        if character == "\\":
            out.append(next(characters, ""))
        elif character == '"':
            quoted = not quoted
        elif character in "#;" and not quoted:
            break
        else:
            out.append(character)
    return "".join(out).rstrip()


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text) if "\\" in text else text
