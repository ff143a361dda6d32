"""A build that is ready to begin: a request's inputs, looked up once for all backends.

Errors in a request show up here, before any daemon is looked for.
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
    """A request, and everything that was looked up for it.

    ``outputs`` are --output, --push and --load together, with their names; ``located`` are the build's
    inputs. The ``secrets`` exist; each is read again when a step asks for it, since a token may be renewed
    during a build. ``engine`` is the Docker engine that the image is loaded into, if any; only a checked
    build has it. ``docker`` is the docker config as it was when the build began.
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
    """Look up a request's inputs. Raises ``UsageError`` if options conflict or an input doesn't exist."""
    request = with_piped_dockerfile(request, files)
    return _prepared(request, locate(request), environment, files)


def check_build(request: BuildRequest, environment: Mapping[str, str], files: OneTimeFiles) -> PreparedBuild:
    """Like ``prepare_build``, and check everything that the build will need on this machine.

    Raises ``UsageError`` also for secrets and ignore files that can't be read and for results that can't be
    written, ``DialError`` if the engine for --load can't be reached.
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
    """Return a build that is unknown on this side: another client reads its inputs."""
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
