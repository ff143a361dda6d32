"""The build as runs of the ``docker`` command, on a Docker engine.

One ``docker build``, by BuildKit, and one ``docker push`` for each tag if the image is to be pushed. The
command's own builder is used, or its buildx plugin; its credentials are the docker config's.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

from router.backends import BackendContext
from router.backends.answer import PrintedAnswer
from router.backends.docker_argv import (
    DockerPlan,
    build_arguments,
    docker_plan,
    engine_arguments,
    on_stdout,
)
from router.backends.docker_plain import PlainParser
from router.backends.lending import lend
from router.backends.tool import (
    ToolOutput,
    ask_for_turn,
    open_sink,
    run_build,
    tool_version,
    trace_variables,
)
from router.backends.tool_faults import explained, read_text
from router.backends.tool_metadata import tool_metadata
from router.docker.endpoint import find_endpoint
from router.errors import OutputError, ToolError, UsageError
from router.model.address import DockerAddress
from router.model.daemon import Daemon
from router.model.events import SolveStatus, Vertex, VertexLog
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.program import Command
from router.redaction import redacted
from router.running import Watch, run
from router.solve.located import Remote
from router.solve.prepared import PreparedBuild
from router.solve.rawjson import parse_rawjson

__all__ = ["DockerBackend"]

_GET_DOCKER = "install the docker command (docker-ce-cli, or docker.io), or use --backend native"
_GET_BUILDX = "install buildx (docker-buildx-plugin, or docker-buildx), or use --backend native"
_RAWJSON_SINCE = (0, 13)
_BUILDKIT_SINCE = (18, 9)
# From this on the command has no builder of its own for BuildKit.
_BUILDX_NEEDED_SINCE = (23,)
_DIGEST = re.compile(rb"\bdigest: (sha256:[0-9a-f]{64})\b")


@frozen
class _Client:
    """What the docker command can do: the version of its buildx plugin, () where it has none."""

    buildx: tuple[int, ...] = ()

    @property
    def rawjson(self) -> bool:
        return self.buildx >= _RAWJSON_SINCE

    def parser(self) -> Callable[[bytes], SolveStatus | None]:
        return parse_rawjson if self.rawjson else PlainParser()


class DockerBackend:
    """Runs docker. Stateless."""

    def build(self, build: PreparedBuild, daemon: Daemon, context: BackendContext) -> BuildResult:
        """Build by one run of docker, then push; see ``Backend.build``. ``OutputError``: the push failed."""
        ask_for_turn(daemon, context)
        address = _address(daemon, context.environment)
        plan = docker_plan(build)
        with lend(build.request, context) as lent:
            engine = _Engine(address, daemon, lent.context)
            client = engine.client()
            _check_client(client, build)
            metadata = engine.build(lent.request, plan, client)
        if plan.push:
            metadata |= engine.push(plan.tags)
        return BuildResult(
            daemon=daemon.name,
            address=daemon.address,
            ref=metadata.get("buildx.build.ref", "").rpartition("/")[2],
            metadata=metadata,
            key=context.key,
        )

    def command(self, build: PreparedBuild, daemon: Daemon, context: BackendContext) -> Sequence[str]:
        """Return the run of ``docker build``; see ``Backend.command``. Pushing comes after it."""
        plan = docker_plan(build)
        address = _address(daemon, context.environment)
        return redacted([*engine_arguments(address), "build", *build_arguments(build.request, plan)])


class _Engine:
    """The docker command, pointed at one engine."""

    def __init__(self, address: DockerAddress, daemon: Daemon, context: BackendContext) -> None:
        self._argv = engine_arguments(address)
        self._daemon = daemon
        self._context = context
        # Whatever builder is current, the image is to be in this engine.
        builder = address.context or "default"
        self._environment = {
            **context.environment,
            **trace_variables(context.span),
            "DOCKER_BUILDKIT": "1",
            "BUILDX_BUILDER": builder,
            "BUILDX_GIT_INFO": context.environment.get("BUILDX_GIT_INFO", "false"),
        }

    def client(self) -> _Client:
        """Look at the docker command. Raises ``ToolError`` if it is missing or can't build by BuildKit."""
        buildx = tool_version(self._command("buildx", "version"))
        if buildx:
            return _Client(buildx=buildx)
        version = tool_version(self._command("--version"))
        shown = ".".join(map(str, version))
        if version and version < _BUILDKIT_SINCE:
            raise ToolError(f"docker {shown} is too old for BuildKit", hint=_GET_DOCKER)
        if version >= _BUILDX_NEEDED_SINCE:
            raise ToolError(f"docker {shown} can't build with BuildKit without buildx", hint=_GET_BUILDX)
        return _Client()

    def build(self, request: BuildRequest, plan: DockerPlan, client: _Client) -> dict[str, str]:
        """Build; return what the result files say. Raises what ``Backend.build`` does."""
        plans = [plan.export] if plan.export is not None else []
        with (
            tempfile.TemporaryDirectory(prefix="warmroute-docker-") as folder,
            open_sink(plans, None) as sink,
        ):
            flags = ["--progress", "rawjson" if client.rawjson else "plain"]
            if plan.export is None and request.call == "build":
                flags += ["--iidfile", f"{folder}/iid"]
            if client.buildx:
                flags += ["--metadata-file", f"{folder}/metadata"]
            # Before 23, docker build is the built-in builder's even where the plugin is there.
            verb = ("buildx", "build") if client.buildx else ("build",)
            command = self._command(*verb, *flags, *build_arguments(request, on_stdout(plan)))
            command = replace(command, stdin=request.dockerfile_text or b"")
            output = ToolOutput(client.parser(), self._context.on_event)
            answer = PrintedAnswer() if request.call != "build" else None
            done = run_build(command, output, self._context, self._daemon, answer or sink)
            if answer is not None and (answered := answer.of_docker(read_text(f"{folder}/metadata"))):
                return answered
            if done.returncode:
                question = self._command("version", "--format", "{{.Server.Version}}")
                raise explained(output, done, self._daemon, self._context, question)
            metadata = tool_metadata(read_text(f"{folder}/metadata"), "docker buildx", self._context.on_event)
            return _completed(metadata, read_text(f"{folder}/iid"), plan.tags)

    def push(self, tags: Sequence[str]) -> dict[str, str]:
        """Push each tag; return the digest that the registry gave. Raises ``OutputError``."""
        digest = b""
        for tag in tags:
            digest = self._push(tag) or digest
        return {"containerimage.digest": digest.decode()} if digest else {}

    def _push(self, tag: str) -> bytes:
        vertex = Vertex(digest=f"push:{tag}", name=f"pushing {tag} with docker", started=time.time_ns())
        self._tell(vertex)
        found: list[bytes] = []

        def on_line(line: bytes) -> None:
            log = VertexLog(vertex=vertex.digest, data=line + b"\n", timestamp=time.time_ns())
            self._context.on_event(SolveStatus(logs=(log,)))
            found.extend(_DIGEST.findall(line))

        watch = Watch(cancellation=self._context.cancellation, on_stdout=on_line)
        done = run(self._command("push", tag), watch)
        error = done.message if done.returncode else ""
        self._tell(replace(vertex, completed=time.time_ns(), error=error))
        if error:
            raise OutputError(f"can't push {tag}: {error}", hint="docker login, if the registry requires it")
        return found[-1] if found else b""

    def _tell(self, vertex: Vertex) -> None:
        self._context.on_event(SolveStatus(vertexes=(vertex,)))

    def _command(self, *arguments: str) -> Command:
        return Command(
            argv=(*self._argv, *arguments),
            environment=self._environment,
            hint=_GET_DOCKER,
            descriptors=self._context.lent,
        )


def _address(daemon: Daemon, environment: Mapping[str, str]) -> DockerAddress:
    address = daemon.address
    if not isinstance(address, DockerAddress):
        raise UsageError(
            f"--backend docker needs a Docker engine; {address} is not one",
            hint="use --backend native",
        )
    if address.endpoint or address.context:
        return address
    found = find_endpoint(environment)
    return DockerAddress(context=found.context, endpoint=None if found.context else found.host)


def _check_client(client: _Client, build: PreparedBuild) -> None:
    request = build.request
    needed = {
        "--build-context": request.build_contexts,
        "--annotation": request.annotations,
        "--allow": request.allow,
        "--attest, --sbom and --provenance": request.attestations,
        "--no-cache-filter": request.no_cache_filter,
        "--resource": request.resources,
        "--cache-to": request.cache_to,
        "--call": request.call != "build",
    }
    for option, given in needed.items():
        if given and not client.buildx:
            raise ToolError(f"docker without buildx has no {option}", hint=_GET_BUILDX)
    remote = isinstance(build.located.context, Remote)
    if remote and request.dockerfile_text is not None and not client.buildx:
        raise ToolError(
            "docker without buildx takes no Dockerfile from stdin for a remote context", hint=_GET_BUILDX
        )


def _completed(metadata: dict[str, str], image_id: str, tags: Sequence[str]) -> dict[str, str]:
    if image_id:
        metadata.setdefault("containerimage.config.digest", image_id)
    if tags:
        metadata.setdefault("image.name", ",".join(tags))
    return metadata
