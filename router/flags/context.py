"""The build context: a directory, or something that the daemon fetches, or stdin.

BuildKit's own rules, applied to the text alone. buildx asks the file system first, so a caller must too: a
directory of that name wins over everything but ``-``.
"""

from __future__ import annotations

from router.model.frozen import frozen
from router.notation.flag import Flag
from router.notation.git import GitContext, parse_git_context

__all__ = [
    "MAX_DOCKERFILE",
    "STDIN",
    "BuildContext",
    "DirectoryContext",
    "GitContext",
    "HTTPContext",
    "StdinContext",
    "format_context",
    "parse_context",
]

STDIN = "-"
"""What stands for stdin, as a context and as a Dockerfile."""

MAX_DOCKERFILE = 16 * 1024 * 1024
"""Bytes; what is larger is no Dockerfile."""

_FLAG = Flag(name="context", example=".")


@frozen
class DirectoryContext:
    """A directory on this machine."""

    path: str


@frozen
class HTTPContext:
    """A Dockerfile or an archive that the daemon downloads."""

    url: str


@frozen
class StdinContext:
    """An archive, or a Dockerfile without a context, on stdin."""


BuildContext = DirectoryContext | GitContext | HTTPContext | StdinContext


def parse_context(text: str) -> BuildContext:
    """Say what ``text`` names. Raises ``UsageError`` where it is empty or a contradictory git URL."""
    if not text:
        raise _FLAG.error(text, "it is empty")
    if text == STDIN:
        return StdinContext()
    git = parse_git_context(text)
    if git is not None:
        return git
    if text.startswith(("http://", "https://")):
        return HTTPContext(url=text)
    return DirectoryContext(path=text)


def format_context(context: BuildContext) -> str:
    """Return the text that names ``context``."""
    match context:
        case DirectoryContext(path=path):
            return path
        case GitContext(url=url) | HTTPContext(url=url):
            return url
        case StdinContext():
            return STDIN
