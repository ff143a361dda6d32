"""BuildKit's own API: one connection carries Solve, Status and the session.

Nothing is asked of the daemon before Solve but its builds in flight, while the session opens; more only where
an option needs it. Neither Info nor ListWorkers is, and each would cost a round trip.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from router.backends import BackendContext
from router.backends.copies import Copies, open_copies
from router.backends.looking_back import LookBack
from router.backends.recall import Recall
from router.backends.turn import Turn, before_solve
from router.errors import ConnectionLostError, DialError, RouterError
from router.faults import fault_of
from router.model.address import DockerAddress
from router.model.daemon import Daemon
from router.model.events import Notice, SolveStatus
from router.model.frozen import replace
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.providers.outputs import Streams, streams
from router.providers.registry_auth import RegistryAuth
from router.providers.surroundings import with_agent, with_surroundings
from router.rpc import RpcCall, RpcChannel, open_channel
from router.session import health
from router.session.auth import auth
from router.session.filesend import Directory, Target, filesend
from router.session.filesync import filesync, prepare, wants_everything
from router.session.secrets import secrets
from router.session.server import SessionServer, StreamMethod, UnaryMethod
from router.solve.control import Control
from router.solve.dockerfile import remote_dockerfile
from router.solve.exporters import ExportPlan, export_plans
from router.solve.failure import BuildObserver, explain
from router.solve.inputs import Inputs, open_inputs
from router.solve.mark import mark_attrs
from router.solve.prepared import PreparedBuild
from router.solve.ref import new_ref, ref_prefix
from router.solve.request import SolveIdentity, frontend_attrs, solve_request
from router.tracing import Span

if TYPE_CHECKING:
    from router.docker.endpoint import DockerEndpoint
    from router.providers.ssh_forwarding import SSHForwarding
    from router.solve.caches import Caches
    from router.solve.image_directory import ImageDirectory

__all__ = ["NativeBackend"]

# The daemon ends the status stream when the build is done; one that doesn't is not waited for.
_STATUS_GRACE = 5.0
# How long a daemon may take to end a build that it can't have all of.
_OWN_END = 1.0
# Messages that come before the daemon has announced the build, which it does at once.
_MOST_HELD = 1000


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
            try:
                solving = _Build(request, daemon, replace(context, span=span), channel, session)
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


class _Build:
    """One solve on one connection."""

    def __init__(
        self,
        request: BuildRequest,
        daemon: Daemon,
        context: BackendContext,
        channel: RpcChannel,
        session: SessionServer,
    ) -> None:
        self._request = request
        self._daemon = daemon
        self._context = context
        self._channel = channel
        self._session = session
        self._observer = BuildObserver()
        self._response: Mapping[str, str] = {}
        self._held: list[SolveStatus] | None = None
        self._looking_back: LookBack | None = None
        self._told_of_loss = False

    def run(
        self, inputs: Inputs, plans: Sequence[ExportPlan], copies: Copies, deadline: float
    ) -> BuildResult:
        """Build. ``deadline`` is when (as of ``time.monotonic``) the daemon must have begun to speak."""
        mark = self._context.mark
        marked = {} if mark is None else mark_attrs(replace(mark, at=time.time_ns()))
        identity = SolveIdentity(ref=new_ref(self._context.key), session_id=_random_id(), mark=marked)
        self._context.span.note({"warmroute.ref": identity.ref})
        control = Control(self._channel)
        recall = Recall(identity.ref)
        request = self._complete(control, deadline)
        message = solve_request(request, inputs, [plan.exporter for plan in plans], identity)
        with before_solve():
            turn = self._ask_for_turn(identity.ref, recall)
            if turn is None and request.call == "build":
                control.history(recall.hear, follow=True)
            reverse = control.session(
                self._session_metadata(identity, copies.shared_key), self._session, self._session.receive
            )
            if turn is not None:
                self._channel.handshake(deadline - time.monotonic())
                prepare()  # while the daemon counts its builds
                copies.prepare()
                turn.ask(deadline)
            solve = control.solve(message, self._answered)
        if request.call == "build" and not request.no_cache:
            self._looking_back = LookBack(self._channel, key=self._context.key, ref=identity.ref)
        status = control.status(identity.ref, self._saw)
        if turn is None:
            self._channel.handshake(deadline - time.monotonic())
            prepare()
            copies.prepare()
        else:
            self._take_turn(turn, solve)
        if request.call == "build":
            self._channel.run(lambda: recall.heard or self._is_over(solve, status))
            if recall.heard and not solve.done:
                self._channel.cancel(solve)
            self._end(solve)
            error = solve.error
        else:
            error = self._ask(request, inputs, identity, solve)
        with suppress(DialError, ConnectionLostError):  # the build is done, whatever happens now
            self._channel.run(lambda: status.done or reverse.done, timeout=_STATUS_GRACE)
        if recall.heard and error is not None:
            raise recall.error(self._daemon.name)
        if (failed := self._transfer_failure()) is not None:
            raise failed
        if error is not None:
            failure = explain(
                error,
                own=self._session.failures,
                observer=self._observer,
                daemon=self._daemon.name,
            )
            raise failure from failure.__cause__ or error
        if status.error is not None:
            self._tell_of_loss(status.error)
        return BuildResult(
            daemon=self._daemon.name,
            address=self._daemon.address,
            ref=identity.ref,
            metadata=self._response,
            key=self._context.key,
            miss=self._looking_back.miss() if self._looking_back is not None else None,
        )

    def _is_over(self, solve: RpcCall, status: RpcCall) -> bool:
        # A daemon that goes away breaks both off, and Solve's error says so.
        if status.error is not None and fault_of(status.error) != "lost":
            self._tell_of_loss(status.error)
        return solve.done or self._transfer_failure() is not None

    def _end(self, solve: RpcCall) -> None:
        """Cancel a build of which we could not send all, unless the daemon ends it by itself.

        It does where a step lacks its files; its history and whoever else waits for the step then know the
        cause, which a cancellation would overtake. A frontend may build on without a file that it can't have.
        """
        if all(map(wants_everything, self._session.failed_streams)):
            with suppress(DialError, ConnectionLostError):
                self._channel.run(lambda: solve.done, timeout=_OWN_END)
        if not solve.done:
            self._channel.cancel(solve)

    def _tell_of_loss(self, error: RouterError) -> None:
        """Say once that the progress is not whole; the result of the build is."""
        if self._told_of_loss:
            return
        self._told_of_loss = True
        text = f"progress from {self._daemon.name} ended early ({error}): steps and warnings may be missing"
        self._context.on_event(Notice(level="warning", text=text, reason="progress-lost"))

    def _transfer_failure(self) -> RouterError | None:
        """Return why a context could not be sent as a whole, if so.

        The frontend takes some of what it asks for as missing where it can't be sent, and would build on.
        """
        return next((error for error in self._session.failures if error.reason == "context"), None)

    def _ask_for_turn(self, ref: str, recall: Recall) -> Turn | None:
        bound = self._context.max_builds
        if not bound or self._request.call != "build":
            return None
        # What a build that is taken back has told is not shown.
        self._held = []
        prefix = ref_prefix(self._context.key) if self._context.warm_only else ""
        return Turn(
            self._channel,
            daemon=self._daemon.name,
            bound=bound,
            ref=ref,
            prefix=prefix,
            hear=recall.hear,
        )

    def _take_turn(self, turn: Turn, solve: RpcCall) -> None:
        turn.take(solve)
        held, self._held = self._held or (), None
        for status in held:
            self._saw(status)

    def _ask(
        self, request: BuildRequest, inputs: Inputs, identity: SolveIdentity, opened: RpcCall
    ) -> RouterError | None:
        """Ask the frontend instead of building; return what went wrong."""
        from router.solve.gateway import Question, ask_frontend, question_attrs

        frontend, attrs = frontend_attrs(request, inputs)
        question = Question(
            ref=identity.ref,
            frontend=frontend,
            attrs=question_attrs(attrs, request.call),
            definitions=inputs.definitions,
        )
        self._response, error = ask_frontend(self._channel, opened, question)
        return error

    def _complete(self, control: Control, deadline: float) -> BuildRequest:
        """Fill in what only the daemon knows."""
        if not self._request.add_hosts:
            return self._request
        from router.solve.host_gateway import with_host_gateway

        timeout = deadline - time.monotonic()
        return with_host_gateway(self._request, control, daemon=self._daemon.name, timeout=timeout)

    def _session_metadata(self, identity: SolveIdentity, shared_key: str) -> list[tuple[str, str]]:
        return [
            ("x-docker-expose-session-uuid", identity.session_id),
            ("x-docker-expose-session-sharedkey", shared_key),
            *(("x-docker-expose-session-grpc-method", method) for method in self._session.methods),
        ]

    def _answered(self, response: Mapping[str, str]) -> None:
        self._response = response

    def _saw(self, status: SolveStatus) -> None:
        if self._held is not None:
            if len(self._held) < _MOST_HELD:
                self._held.append(status)
            return
        self._observer.see(status)
        if self._looking_back is not None:
            self._looking_back.see(status)
        self._context.on_event(status)


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


def _random_id() -> str:
    return os.urandom(16).hex()
