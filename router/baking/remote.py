"""A definition in a git repository: the daemon clones it, and hands back its files.

The daemon, because it is the one that builds from the repository, and can reach it. A build copies the files
out of the repository, and goes to the home of its URL, like any other.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence

from router.bake.definition import BakeFile
from router.baking.git_secrets import git_host, git_secrets
from router.build import Beside, BuildRouter
from router.cancellation import Cancellation
from router.errors import UsageError, os_reason
from router.flags.secret import parse_secrets
from router.flags.ssh import parse_sshs
from router.model.frozen import frozen
from router.model.request import BuildRequest, Output
from router.named_file import read_named
from router.notation.git import parse_git_context
from router.notation.url import without_credentials
from router.notices import ignore
from router.placement.key import KeyInputs, balancing_key

__all__ = ["RemoteDefinition", "is_remote_definition", "read_remote_bake"]

_SSH = "BUILDX_BAKE_GIT_SSH"
_CONTEXT = "definition"


def is_remote_definition(text: str) -> bool:
    """Say whether a word of the command line names a repository, and no target."""
    return parse_git_context(text) is not None or text.startswith(("http://", "https://"))


@frozen
class RemoteDefinition:
    """Files ``names`` of the repository at ``url``; of ``defaults`` those that it has, where none is named.

    ``environment`` has what it is cloned with.
    """

    url: str
    names: Sequence[str]
    defaults: Sequence[str]
    environment: Mapping[str, str]


def read_remote_bake(
    router: BuildRouter, wanted: RemoteDefinition, cancellation: Cancellation
) -> tuple[BakeFile, ...]:
    """Return the files of a definition elsewhere.

    Raises ``UsageError`` for what is no repository, and as ``BuildRouter.build`` does.
    """
    url, names, defaults, environment = wanted.url, wanted.names, wanted.defaults, wanted.environment
    if parse_git_context(url) is None:
        raise UsageError(
            f"{without_credentials(url)} is not the URL of a git repository",
            hint="a definition comes from a repository, such as https://github.com/org/repository.git#main",
        )
    with tempfile.TemporaryDirectory(prefix="warmroute-definition-") as directory:
        request = BuildRequest(
            context="-",
            dockerfile_text=_dockerfile(names, defaults).encode(),
            build_contexts={_CONTEXT: url},
            secrets=parse_secrets(git_secrets(git_host(url), environment), environment),
            ssh=parse_sshs(_agent(url, environment)),
            outputs=(Output(type="local", dest=directory),),
        )
        key = balancing_key(KeyInputs(context=url))
        router.build(request, beside=Beside(key=key), on_event=ignore, cancellation=cancellation)
        return tuple(_read(directory, names, defaults))


def _dockerfile(names: Sequence[str], defaults: Sequence[str]) -> str:
    # One that has a wildcard may be missing.
    patterns = names or [f"{name[:-1]}[{name[-1]}]" for name in defaults]
    copies = (
        f"COPY --from={_CONTEXT} {json.dumps([pattern, f'/{number}/'])}"
        for number, pattern in enumerate(patterns)
    )
    return "\n".join(["FROM scratch", *copies, ""])


def _agent(url: str, environment: Mapping[str, str]) -> Iterator[str]:
    git = parse_git_context(url)
    if environment.get(_SSH):
        yield f"default={environment[_SSH]}"
    elif git is not None and git.by_ssh and environment.get("SSH_AUTH_SOCK"):
        yield "default"


def _read(directory: str, names: Sequence[str], defaults: Sequence[str]) -> Iterator[BakeFile]:
    for number, name in enumerate(names or defaults):
        path = os.path.join(directory, str(number), os.path.basename(name))
        if os.path.isfile(path) and not os.path.islink(path):
            yield BakeFile(name, _content(path, name))


def _content(path: str, name: str) -> bytes:
    try:
        return read_named(path)
    except OSError as exc:
        raise UsageError(f"can't read {name} of the repository: {os_reason(exc)}") from exc
