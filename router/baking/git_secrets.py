"""What a definition's repository is cloned with, by buildx's variables: a token or a header for its host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from router.notation.csv import format_pairs
from router.notation.git import parse_git_context
from router.notation.url import parse_url

__all__ = ["git_host", "git_secrets"]

_VARIABLES = {
    "GIT_AUTH_TOKEN": "BUILDX_BAKE_GIT_AUTH_TOKEN",
    "GIT_AUTH_HEADER": "BUILDX_BAKE_GIT_AUTH_HEADER",
}


def git_host(url: str) -> str:
    """Return the host of a repository's URL, with its port; empty for anything else, and for SSH, which takes
    no token."""
    git = parse_git_context(url)
    if git is None or git.by_ssh:
        return ""
    remote = git.remote if "://" in git.remote else f"https://{git.remote}"
    parsed = parse_url(remote)
    if parsed is None:
        return ""
    return f"{parsed.host}:{parsed.port}".lower() if parsed.port else parsed.host.lower()


def git_secrets(host: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets for a host that the environment has, as ``--secret`` takes them."""
    for name, variable in _VARIABLES.items():
        if environment.get(variable):
            yield format_pairs({"id": f"{name}.{host}", "env": variable})
