"""BuildKit's own API: one connection carries Solve, Status and the session.

Here is what a build offers to the daemon in its session, opened before and closed behind it; the solve itself
is ``backends.solving``'s.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from router.backends import BackendContext
from router.backends.copies import open_copies
from router.backends.solving import Solving
from router.errors import RouterError
from router.model.address import DockerAddress
from router.model.daemon import Daemon
from router.model.events import Notice
from router.model.frozen import replace
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.providers.outputs import Streams, streams
from router.providers.registry_auth import RegistryAuth
from router.providers.surroundings import with_agent, with_surroundings
from router.rpc import RpcChannel, open_channel
from router.session import health
from router.session.auth import auth
from router.session.filesend import Directory, Target, filesend
from router.session.filesync import filesync
from router.session.secrets import secrets
from router.session.server import SessionServer, StreamMethod, UnaryMethod
from router.solve.dockerfile import remote_dockerfile
from router.solve.exporters import ExportPlan, export_plans
from router.solve.inputs import Inputs, open_inputs
from router.solve.prepared import PreparedBuild
from router.tracing import Span

if TYPE_CHECKING:
    from router.docker.endpoint import DockerEndpoint
    from router.providers.ssh_forwarding import SSHForwarding
    from router.solve.caches import Caches
    from router.solve.image_directory import ImageDirectory

__all__ = ["NativeBackend"]


class NativeBackend:
    """Speaks to the daemon itself. Stateless: one instance may build many times, also from many threads."""

    def build(self, build: PreparedBuild, daemon: Daemon, context: BackendContext) -> BuildResult:
        """Build over one new connection; see ``Backend.build``."""
        with streams() as opened:
            return _build(build, daemon, context, opened)

    def command(self, build: PreparedBuild, daemon: Daemon, context: BackendContext) -> Sequence[str]:
        """Return what would be asked of the daemon, in buildctl's words."""
        from router.backends.buildctl import buildctl_command

        return buildctl_command(build, daemon, context)


def _build(build: PreparedBuild, daemon: Daemon, context: BackendContext, opened: Streams) -> BuildResult:
    request = with_agent(build.request, build.located.git, context.environment)
    forwarding = _find_agents(request, context)
    registries = RegistryAuth(
        context.environment, request.registry_tls, config=build.docker, files=context.files
    )
    request = with_surroundings(request, context.environment, build.docker)
    # An engine keeps an image of what is built; an answer is none.
    plans = export_plans(build, engine=_is_engine(daemon)) if request.call == "build" else ()
    targets = _targets(plans, build.engine, opened)
    image = _image_directory(plans)
    located = build.located
    if url := remote_dockerfile(request):
        from router.backends.remote_dockerfile import download_dockerfile

        located = located.with_dockerfile(download_dockerfile(url, daemon, context, build.secrets))
    caches = _open_caches(request, context)
    if caches is not None:
        request = caches.request
    with open_inputs(located) as found:
        inputs = found if caches is None else caches.added_to(found)
        inputs = inputs if image is None else image.added_to(inputs)
        if context.linked is not None:
            inputs = context.linked.added_to(inputs)
        offered = None if context.shared is None else context.shared.offered(daemon, inputs, context)
        copies = open_copies(request, inputs, context)
        deadline = time.monotonic() + context.dial.timeout
        with _dialled(daemon, context) as channel, context.span.begin("solve") as span:
            channel.carried = span.headers
            ssh_checks, ssh_connections = _ssh_services(forwarding, channel)
            session = SessionServer(
                unary={
                    health.CHECK: health.check,
                    **secrets(build.secrets),
                    **auth(registries),
                    **ssh_checks,
                },
                streaming={
                    **_spanning(
                        {
                            **filesync(inputs.directories, copies.manner),
                            **filesend(targets, wake=channel.wake),
                            **_rare_services(inputs),
                        },
                        span,
                    ),
                    **ssh_connections,
                },
                wake=channel.wake,
            )
            if offered is not None:
                context = replace(context, failures=offered.failures)
                offered.wake_by(channel.wake)
                inputs = offered.added_to(inputs)
            try:
                solving = Solving(request, daemon, replace(context, span=span), channel, session)
                result = solving.run(inputs, plans, copies, deadline)
            except RouterError:
                for refusal in registries.refusals:
                    context.on_event(Notice(level="warning", text=refusal))
                raise
            finally:
                registries.close()
                session.close()
                copies.close()
        if caches is not None:
            caches.keep(result.metadata)
        if image is not None:
            image.keep(result.metadata)
        return result


def _dialled(daemon: Daemon, context: BackendContext) -> RpcChannel:
    with context.span.begin("dial"):
        return open_channel(daemon.address, context.dial, peer=daemon.peer, cancellation=context.cancellation)


def _spanning(transfers: Mapping[str, StreamMethod], span: Span) -> Mapping[str, StreamMethod]:
    """Return the services with a span for each call, where spans are kept."""
    if not span.kept:
        return transfers
    from router.session.traced import traced

    return traced(transfers, span)


def _open_caches(request: BuildRequest, context: BackendContext) -> Caches | None:
    """Return the caches of a build that has some, and tell which can't be used."""
    if not request.cache_from and not request.cache_to and "BUILDKIT_INLINE_CACHE" not in request.build_args:
        return None
    from router.solve.caches import open_caches

    caches = open_caches(request, context.environment)
    for warning in caches.warnings:
        context.on_event(Notice(level="warning", text=warning))
    return caches


def _find_agents(request: BuildRequest, context: BackendContext) -> SSHForwarding | None:
    """Return what steps of a build may use of SSH, if anything; what isn't there is told now."""
    if not request.ssh:
        return None
    from router.providers.ssh_forwarding import SSHForwarding

    forwarding = SSHForwarding(request.ssh, context.environment, context.files)
    forwarding.check()
    return forwarding


def _ssh_services(
    forwarding: SSHForwarding | None, channel: RpcChannel
) -> tuple[dict[str, UnaryMethod], dict[str, StreamMethod]]:
    if forwarding is None:
        return {}, {}
    from router.session.sshforward import check_agent, forward_agent

    return check_agent(forwarding), forward_agent(forwarding, channel.wake)


def _rare_services(inputs: Inputs) -> dict[str, StreamMethod]:
    """Return the services that few builds offer: archives as contexts, OCI layouts."""
    methods: dict[str, StreamMethod] = {}
    if inputs.uploads:
        from router.session.upload import upload

        methods |= upload(inputs.uploads)
    if inputs.layouts:
        from router.session.content import content

        methods |= content(inputs.layouts)
    return methods


def _targets(
    plans: Sequence[ExportPlan], engine: DockerEndpoint | None, opened: Streams
) -> dict[int, Target]:
    targets: dict[int, Target] = {}
    for number, plan in enumerate(plans):
        match plan.delivery:
            case "tree":
                mirror = plan.exporter.attrs.get("mode") == "delete"
                targets[number] = Directory(path=plan.dest, mirror=mirror)
            case "file":
                targets[number] = partial(opened.open, plan.dest)
            case "load":
                from router.providers.docker_load import DockerLoadSink

                assert engine is not None  # whoever prepared the build has found it
                targets[number] = partial(DockerLoadSink, engine)
            case "image-directory" | "none":
                pass
    return targets


def _image_directory(plans: Sequence[ExportPlan]) -> ImageDirectory | None:
    if all(plan.delivery != "image-directory" for plan in plans):
        return None
    from router.solve.image_directory import ImageDirectory

    return ImageDirectory(plans)


def _is_engine(daemon: Daemon) -> bool:
    return isinstance(daemon.address, DockerAddress)
