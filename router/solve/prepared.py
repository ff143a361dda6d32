"""A build that can be begun: what a request names was looked up, once, and backends use what was found.

What is wrong with a request shows here, before any daemon is looked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.docker.config import DockerConfig, load
from router.flags.output import STDOUT, is_directory, is_load, is_mirror, resolve_outputs
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest, Output
from router.notation.tag import parse_tags
from router.once import OneTimeFiles
from router.providers.secrets import SecretStore
from router.solve.dockerfile import with_piped_dockerfile
from router.solve.located import Located, NoFiles, checked, locate

if TYPE_CHECKING:
    from router.docker.endpoint import DockerEndpoint

__all__ = ["PreparedBuild", "check_build", "nothing_read", "prepare_build"]


@frozen
class PreparedBuild:
    """A request, and what it comes to.

    ``outputs`` are --output, --push and --load together, with their names; ``located`` is what the build
    reads. The ``secrets`` were found; each is read again when a step asks for it, since a token may be
    renewed while a build goes on. ``engine`` is the Docker engine that the image is loaded into, if it is;
    only a build that was checked has it. ``docker`` is the docker config as it was when the build began.
    """

    request: BuildRequest
    outputs: tuple[Output, ...]
    located: Located
    secrets: SecretStore
    engine: DockerEndpoint | None = None
    docker: DockerConfig = DockerConfig()


def prepare_build(
    request: BuildRequest, environment: Mapping[str, str], files: OneTimeFiles
) -> PreparedBuild:
    """Look up what a request names. Raises ``UsageError`` for what contradicts itself or is not there."""
    request = with_piped_dockerfile(request, files)
    return _prepared(request, locate(request), environment, files)


def check_build(request: BuildRequest, environment: Mapping[str, str], files: OneTimeFiles) -> PreparedBuild:
    """Do as ``prepare_build``, and look at all that the build will need on this machine.

    Raises ``UsageError`` also for secrets and ignore files that can't be read and for results that can't be
    written, ``DialError`` where the engine for --load can't be reached.
    """
    request = with_piped_dockerfile(request, files)
    located = checked(request)
    request = replace(request, tags=parse_tags(request.tags))
    build = _prepared(request, located, environment, files)
    if any(map(is_load, build.outputs)):
        build = replace(build, engine=_engine(environment, build.docker))
    build.secrets.check()
    _check_outputs(build)
    return build


def nothing_read() -> PreparedBuild:
    """Return a build of which nothing is known on this side: somebody else reads what it needs."""
    return PreparedBuild(
        request=BuildRequest(), outputs=(), located=Located(context=NoFiles()), secrets=SecretStore((), {})
    )


def _prepared(
    request: BuildRequest, located: Located, environment: Mapping[str, str], files: OneTimeFiles
) -> PreparedBuild:
    outputs = resolve_outputs(request.outputs, push=request.push, load=request.load, tags=request.tags)
    return PreparedBuild(
        request=request,
        outputs=outputs,
        located=located,
        secrets=SecretStore(request.secrets, environment, files),
        docker=load(environment),
    )


def _engine(environment: Mapping[str, str], docker: DockerConfig) -> DockerEndpoint:
    from router.docker.endpoint import find_endpoint

    return find_endpoint(environment, config=docker)


def _check_outputs(build: PreparedBuild) -> None:
    if build.engine is not None:
        from router.providers.docker_load import check_engine

        check_engine(build.engine)
    written = [output for output in build.outputs if output.dest and output.dest != STDOUT]
    if not written:
        return
    from router.files import check_apart, check_directory, check_new_file

    for output in written:
        (check_directory if is_directory(output) else check_new_file)(output.dest or "", "the output")
        if is_mirror(output):
            from router.files import check_mirror
            from router.flags.entitlement import LOCAL_DELETE

            if LOCAL_DELETE not in build.request.allow:
                check_mirror(output.dest or "", "the output")
    if len(written) > 1:
        check_apart((output.dest or "", output.type == "local") for output in written)
