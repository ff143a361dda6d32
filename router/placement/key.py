"""The balancing key: what is built, in one string, so that the same thing goes to the same daemon.

The first rule that applies decides. Git and the environment are not asked here: the caller hands in what
they said.
"""

from __future__ import annotations

from typing import Literal

from router.errors import UsageError
from router.flags.context import GitContext, HTTPContext, parse_context
from router.model.frozen import frozen
from router.notation.git import normalize_remote
from router.notation.tag import parse_reference
from router.notation.url import parse_url, without_credentials

__all__ = ["GitCheckout", "Key", "KeyInputs", "KeyRule", "balancing_key", "printable", "target_key"]

KeyRule = Literal[
    "key", "image-repo", "image", "tag", "url", "git", "path", "host", "linked", "session", "connection"
]


@frozen
class GitCheckout:
    """Where a directory stands in a git repository.

    ``remote`` is the remote's URL as git has it; ``path`` is the directory relative to the top of the
    work tree, with slashes, empty for the top itself.
    """

    remote: str
    path: str = ""


@frozen
class KeyInputs:
    """All that a key can be made of; what isn't known is empty.

    ``key`` is what the user chose. ``image_repo`` and ``image`` are skaffold's variables of those names.
    ``context`` is a directory's absolute path, or a URL as it was given.
    """

    context: str
    key: str = ""
    image_repo: str = ""
    image: str = ""
    tags: tuple[str, ...] = ()
    git: GitCheckout | None = None


@frozen
class Key:
    """A balancing key, and the rule that made it."""

    key: str
    rule: KeyRule

    @classmethod
    def own(cls, key: str) -> Key:
        """Return the user's own key, as ``--key`` gives it."""
        return cls(key=printable(key), rule="key")


def balancing_key(inputs: KeyInputs) -> Key:
    """Return the key by the first rule that applies.

    ``key``: the user's own; ``image-repo``, ``image``, ``tag``: an image's repository, normalised as Docker
    does; ``url``, ``git``: the remote's identity, and the context's path in it after a colon; ``path``:
    the directory. Image names that are none are taken as they stand: refusing them is not for this place.
    """
    rule, key = _first(inputs)
    return Key(key=printable(key), rule=rule)


def target_key(inputs: KeyInputs, target: str) -> Key:
    """Return the key of one of several targets, which may share a context: that of its image, else with its
    name behind a hash sign."""
    found = balancing_key(inputs)
    if found.rule in {"url", "git", "path"}:
        return Key(key=printable(f"{found.key}#{target}"), rule=found.rule)
    return found


def printable(key: str) -> str:
    """Return ``key`` with bytes that are no UTF-8 (which Python holds as surrogates) written as escapes."""
    return key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _first(inputs: KeyInputs) -> tuple[KeyRule, str]:
    if inputs.key:
        return "key", inputs.key
    if inputs.image_repo:
        return "image-repo", _repository(inputs.image_repo)
    if inputs.image:
        return "image", _repository(inputs.image)
    if inputs.tags:
        return "tag", _repository(inputs.tags[0])
    match parse_context(inputs.context):
        case GitContext(remote=remote, subdir=subdir):
            return "url", _in_repository(remote, subdir)
        case HTTPContext(url=url):
            return "url", _download(url)
        case _:
            pass
    if inputs.git is not None and inputs.git.remote:
        return "git", _in_repository(inputs.git.remote, inputs.git.path)
    return "path", inputs.context


def _repository(name: str) -> str:
    try:
        return parse_reference(name).repository
    except UsageError:
        return name


def _in_repository(remote: str, path: str) -> str:
    repository = normalize_remote(remote)
    path = path.strip("/")
    return f"{repository}:{path}" if path and path != "." else repository


def _download(url: str) -> str:
    # The query may hold a signature that differs each time, and secrets.
    parts = parse_url(url)
    if parts is None:
        return without_credentials(url).partition("?")[0]
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.host}{port}{parts.path}"
