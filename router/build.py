"""The whole story of one build: find what is wrong, choose the key, find the daemons, try them in order.

Everything else has a module of its own; this one decides nothing but what happens next.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from router.attempts import Attempts, Policy
from router.backends import Backend, BackendContext, choice
from router.build_key import build_key
from router.cancellation import Cancellation
from router.closing import Closing
from router.config import RouterConfig, kubeconfig_paths
from router.config import environment as current_environment
from router.errors import ConnectionLostError, DialError, FleetError, NoDaemonError, OverloadError
from router.fleet import Fleet
from router.kubernetes.clients import KubeClients
from router.model.daemon import Candidate
from router.model.events import Event
from router.model.frozen import frozen, replace
from router.model.mark import BuildMark
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.model.routing import BackendName, Placement
from router.notices import both, ignore, once, tell
from router.once import OneTimeFiles
from router.placement.key import Key
from router.routing import Route, Routing
from router.solve.dockerfile import piped_dockerfile
from router.solve.mark import started_by
from router.solve.prepared import PreparedBuild, check_build, nothing_read, prepare_build
from router.tracing import NO_SPAN, Span
from router.transport.options import DialOptions

if TYPE_CHECKING:
    from router.backends.sharing import Portion
    from router.operations.connect import Connection

__all__ = ["Beside", "BuildRouter", "Ready", "Relayed", "Route"]


@frozen
class Relayed:
    """Where a build of somebody else's belongs. Without ``bounded`` a daemon takes it however full it is.

    ``beside``: the daemon that comes before all others, by its name, whatever the key's order.
    """

    key: Key
    beside: str = ""
    platforms: tuple[str, ...] = ()
    bounded: bool = True


@frozen
class Beside:
    """What one of several builds has: a ``key`` that stands for the request's own, and the files that it
    shares."""

    key: Key | None = None
    shared: Portion | None = None


_ALONE = Beside()


@frozen
class Ready:
    """A build that only a daemon is missing for, and what it is known by."""

    build: PreparedBuild
    files: OneTimeFiles
    key: Key
    context_id: str


class BuildRouter(Closing):
    """Sends builds to the daemon that is warm for them.

    ``environment`` stands for os.environ, which is taken as it is now when it is left out; ``fleet`` for
    what the config would find. The spans of each build hang under ``span``. One router may serve many builds,
    also from several threads. A context manager: what ``fleet`` or ``dial_options`` were used for may leave a
    connection for the next use, which leaving it closes; ``build``, ``connect``, ``routes`` and ``command``
    leave none.
    """

    def __init__(
        self,
        config: RouterConfig | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        fleet: Fleet | None = None,
        span: Span = NO_SPAN,
    ) -> None:
        self._config = config or RouterConfig()
        self._environment = current_environment() if environment is None else environment
        self._files = OneTimeFiles()
        self._span = span
        self._kube = KubeClients(self._files)
        self._routing = Routing(self._config, self._environment, self._kube, fleet)

    def close(self) -> None:
        """Close the connections that nobody uses now; the router can be used on."""
        self._kube.close()

    def build(
        self,
        request: BuildRequest,
        *,
        beside: Beside = _ALONE,
        on_event: Callable[[Event], None] = ignore,
        cancellation: Cancellation | None = None,
    ) -> BuildResult:
        """Build on the first daemon in the order that can be reached and has room.

        ``beside`` is for one of several builds. Blocks until it is done; ``on_event`` hears of progress in
        this thread. Raises ``BuildError`` when the build itself fails, ``UnreachableError`` when no daemon
        could be reached or all have lost the build,
        ``UsageError`` for a request that can't be carried out, ``TimeLimitError`` when the config's
        ``timeout`` has passed, ``CancelledError`` when ``cancellation`` is thrown.
        """
        request = _question(request)
        with self, Cancellation() if cancellation is None else _borrowed(cancellation) as switch:
            if self._config.timeout is None:
                return self._traced(request, beside, on_event, switch)
            from router.timelimit import TimeLimit

            with TimeLimit(self._config.timeout, switch) as limit:
                return self._traced(request, beside, both(limit.event, on_event), limit.cancellation)

    def _traced(
        self,
        request: BuildRequest,
        beside: Beside,
        on_event: Callable[[Event], None],
        cancellation: Cancellation,
    ) -> BuildResult:
        with self._span.begin("build") as span:
            if not span.kept:
                return self._build(request, beside, on_event, cancellation, span)
            from router.described import asked, done

            span.note(asked(request, self._config))
            result = self._build(request, beside, on_event, cancellation, span)
            span.note(done(result))
            return result

    def _build(
        self,
        request: BuildRequest,
        beside: Beside,
        on_event: Callable[[Event], None],
        cancellation: Cancellation,
        span: Span,
    ) -> BuildResult:
        began = time.monotonic()
        ready = self.ready(request, on_event=on_event, cancellation=cancellation)
        build, platforms = ready.build, ready.build.request.platforms
        key = beside.key or ready.key
        tell(on_event, "verbose", f"key {key.key} (rule: {key.rule})")
        context = self._context(key, on_event, cancellation)
        context = replace(
            context, context_id=ready.context_id, files=ready.files, span=span, shared=beside.shared
        )
        span.note({"warmroute.key": key.key, "warmroute.key.rule": key.rule})
        config = self._config
        attempts = Attempts(build, context, choice.backend_named(config.backend), self._policy)
        try:
            result = attempts.run(lambda: self._routing.candidates(key, platforms, on_event, cancellation))
        except (FleetError, NoDaemonError, DialError, ConnectionLostError, OverloadError) as exc:
            if config.fallback == "none":
                raise
            from router.fallback import fall_back

            result = fall_back(exc, build, context, config)
        return replace(result, key=key.key, rule=key.rule, seconds=time.monotonic() - began)

    def ready(
        self, request: BuildRequest, *, on_event: Callable[[Event], None], cancellation: Cancellation
    ) -> Ready:
        """Return a request that is checked, with what can be read once read. Raises ``UsageError``."""
        request = _question(request)
        files = OneTimeFiles()
        self._read_once(request, files, on_event, cancellation)
        build = check_build(request, self._environment, files)
        for warning in build.docker.warnings:
            tell(on_event, "warning", warning)
        known = build_key(build.request, self._config.key, self._environment)
        return Ready(build=build, files=files, key=known.key, context_id=known.context_id)

    @property
    def _policy(self) -> Policy:
        config = self._config
        return Policy(
            max_builds=config.max_builds,
            spill=config.spill,
            queue=config.queue,
            retries=config.retries,
            placement=config.placement,
        )

    def relay(
        self,
        relayed: Relayed,
        backend: Backend,
        *,
        on_event: Callable[[Event], None],
        cancellation: Cancellation,
    ) -> BuildResult:
        """Have a backend of the caller's build on the first daemon in the order that it reaches and that has
        room. A build that is lost is retried: the backend may be asked several times, one after the other,
        and raises an error of its own if that is not possible.

        Raises as ``build`` does. May be called in several threads; what it leaves open ``close`` closes.
        """
        began = time.monotonic()
        key, platforms = relayed.key, relayed.platforms
        tell(on_event, "verbose", f"key {key.key} (rule: {key.rule})")
        policy = self._policy
        if not relayed.bounded:
            policy = replace(policy, max_builds=0, queue=0.0)
        attempts = Attempts(nothing_read(), self._context(key, on_event, cancellation), backend, policy)

        def rank() -> Sequence[Candidate]:
            candidates = self._routing.candidates(key, platforms, on_event, cancellation)
            return sorted(candidates, key=lambda each: each.daemon.name != relayed.beside)

        result = attempts.run(rank)
        return replace(result, key=key.key, rule=key.rule, seconds=time.monotonic() - began)

    def _read_once(
        self,
        request: BuildRequest,
        files: OneTimeFiles,
        on_event: Callable[[Event], None],
        cancellation: Cancellation,
    ) -> None:
        """Read what can be read once, while nobody waits for it."""

        def say(text: str) -> None:
            tell(on_event, "info", text)

        files.take((*request.files, piped_dockerfile(request)), cancellation, say)
        if self._config.tls is not None:
            self._files.take(self._config.tls.files, cancellation, say)
        self._files.take(self._kubeconfigs, cancellation, say)

    @property
    def _kubeconfigs(self) -> tuple[str, ...]:
        """The kubeconfig files that will be read, none where no pod is asked for."""
        if not self._routing.has_pods:
            return ()
        return kubeconfig_paths(self._config.kubeconfig, self._environment)

    def connect(
        self,
        request: BuildRequest,
        *,
        on_event: Callable[[Event], None] = ignore,
        cancellation: Cancellation | None = None,
    ) -> Connection:
        """Connect to the daemon that a build would go to, for somebody else to speak with it.

        The first in the order that answers; the caller closes the connection. Raises ``UnreachableError``,
        ``UsageError``, and ``CancelledError`` when ``cancellation`` is thrown while daemons are waited for.
        """
        from router.operations.connect import first_that_answers

        key = self.key(request)
        tell(on_event, "verbose", f"key {key.key} (rule: {key.rule})")
        with self:
            with Cancellation() if cancellation is None else _borrowed(cancellation) as switch:
                context = self._context(key, on_event, switch)
                candidates = self._routing.candidates(key, request.platforms, on_event, switch)
            return first_that_answers(
                [candidate.daemon for candidate in candidates if candidate.fit], context.dial
            )

    def key(self, request: BuildRequest) -> Key:
        """Return the balancing key of a request, and the rule that made it."""
        return build_key(request, self._config.key, self._environment).key

    def route(self, key: Key, platforms: Sequence[str] = ()) -> Route:
        """Return the order of the fleet for a key. Lists the fleet; connects to no daemon.

        Raises ``UnreachableError`` when it can't be listed, ``UsageError`` when the config is wrong.
        """
        return self.routes([key], platforms)[0]

    def routes(self, keys: Sequence[Key], platforms: Sequence[str] = ()) -> tuple[Route, ...]:
        """Return the order of the fleet for each key, from one listing. Raises as ``route`` does."""
        with self:
            return self._routing.routes(keys, platforms)

    def command(self, request: BuildRequest) -> tuple[Route, Sequence[str]]:
        """Return where ``build`` would begin, and its command line there with secrets redacted."""
        build = prepare_build(_question(request), self._environment, OneTimeFiles())
        key = self.key(build.request)
        route = self.route(key, build.request.platforms)
        daemon = self._routing.fit(route)[0].daemon
        with Cancellation() as switch:
            context = self._context(key, ignore, switch)
            return route, choice.backend_named(self._config.backend).command(build, daemon, context)

    @property
    def fleet(self) -> Fleet:
        """The daemons that the config names, found when first asked for."""
        return self._routing.fleet

    @property
    def backend(self) -> BackendName:
        """What carries builds out."""
        return self._config.backend

    @property
    def max_builds(self) -> int:
        """The bound on builds in flight of daemons that set none themselves; 0 is no bound."""
        return self._config.max_builds

    @property
    def placement(self) -> Placement:
        """How daemons are ranked for a key."""
        return self._config.placement

    @property
    def dial_options(self) -> DialOptions:
        """How daemons are dialled."""
        return DialOptions(
            tls=self._config.tls,
            kubeconfig=self._config.kubeconfig,
            kube_context=self._config.kube_context,
            kube=self._kube,
            via=self._config.via,
            pod_port=self._config.pod_port,
            container=self._config.container,
            grpc_engine=self._config.grpc_engine,
            timeout=self._config.connect_timeout,
            environment=self._environment,
            files=self._files,
        )

    def _context(
        self, key: Key, on_event: Callable[[Event], None], cancellation: Cancellation
    ) -> BackendContext:
        by = started_by(self._environment, os.uname().nodename)
        return BackendContext(
            key=key.key,
            mark=BuildMark(key=key.key, rule=key.rule, by=by),
            on_event=on_event,
            cancellation=cancellation,
            dial=replace(
                self.dial_options,
                tell=lambda text: tell(on_event, "verbose", text),
                warn=once(lambda text: tell(on_event, "warning", text)),
            ),
            environment=self._environment,
        )


def _question(request: BuildRequest) -> BuildRequest:
    """Return the request as it is, but without outputs where it asks the frontend instead of building."""
    if request.call == "build":
        return request
    from router.operations.call import question

    return question(request)


@contextmanager
def _borrowed(cancellation: Cancellation) -> Iterator[Cancellation]:
    """Yield somebody else's switch and leave it open."""
    yield cancellation
