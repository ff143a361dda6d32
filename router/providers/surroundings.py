"""What a request takes from its surroundings: proxies, a date, an SSH agent, credentials of caches."""

from __future__ import annotations

from collections.abc import Mapping

from router.docker.config import DockerConfig
from router.model.frozen import replace
from router.model.request import BuildRequest
from router.notation.git import GitContext

__all__ = ["with_agent", "with_build_args", "with_surroundings"]

# What buildctl hands on from the environment as a build argument.
_PROPAGATED = ("SOURCE_DATE_EPOCH",)


def with_surroundings(
    request: BuildRequest, environment: Mapping[str, str], docker: DockerConfig
) -> BuildRequest:
    """Return the request with what buildx and buildctl add to it, credentials of caches included.

    For a backend that hands it to the daemon itself: a tool adds them by its own, and what stands on its
    command line everybody on the machine can read.
    """
    request = with_build_args(request, environment, docker)
    if not request.cache_from and not request.cache_to:
        return request
    from router.flags.cache import with_credentials

    return replace(
        request,
        cache_from=with_credentials(request.cache_from, environment),
        cache_to=with_credentials(request.cache_to, environment),
    )


def with_build_args(
    request: BuildRequest, environment: Mapping[str, str], docker: DockerConfig
) -> BuildRequest:
    """Add the proxies of the docker config and the build's date; the user's own win, in any case."""
    found = docker.proxy_build_args(environment.get("DOCKER_HOST", ""))
    found |= {name: environment[name] for name in _PROPAGATED if name in environment}
    if not found:
        return request
    given = {name.lower() for name in request.build_args}
    added = {name: value for name, value in found.items() if name.lower() not in given}
    return replace(request, build_args={**added, **request.build_args})


def with_agent(request: BuildRequest, git: GitContext | None, environment: Mapping[str, str]) -> BuildRequest:
    """Let a context that is cloned by SSH have the user's agent, as buildx does without ``--ssh``.

    ``git`` is the context where the daemon clones it, None for any other.
    """
    if git is None or not git.by_ssh or request.ssh or not environment.get("SSH_AUTH_SOCK"):
        return request
    from router.model.build_options import SSHAgent

    return replace(request, ssh=(SSHAgent(id="default"),))
