"""The whole story of one build: find the daemons, choose the key, rank, try them in order.

Everything else has a module of its own; this one decides nothing but what happens next.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from router.attempts import Attempts, Policy
from router.backends import Backend, BackendContext
from router.cancellation import Cancellation
from router.closing import Closing
from router.config import RouterConfig, kubeconfig_paths
from router.config import environment as current_environment
from router.docker import config as docker_config
from router.errors import (
    ConnectionLostError,
    DialError,
    FleetError,
    NoDaemonError,
    OverloadError,
    RouterError,
)
from router.flags.context import STDIN
from router.flags.output import STDOUT, is_directory, is_load, is_mirror, resolve_outputs
from router.fleet import Fleet, FleetOptions, discover
from router.kubernetes.clients import KubeClients
from router.model.daemon import Candidate, Daemon, Place
from router.model.events import Attempt, Event, Notice, NoticeLevel
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest, Output
from router.model.result import BuildResult
from router.model.routing import BackendName, Placement
from router.notation.tag import parse_tags
from router.once import OneTimeFiles
from router.placement.key import GitCheckout, Key, KeyInputs, balancing_key
from router.placement.order import order, require_fit
from router.providers.git_remote import find_git_location
from router.providers.secrets import SecretStore
from router.solve.dockerfile import piped_dockerfile, with_piped_dockerfile
from router.solve.inputs import check_inputs
from router.transport.options import DialOptions

if TYPE_CHECKING:
    from router.operations.connect import Connection

__all__ = ["BuildRouter", "Route"]


_NOWHERE = Place(number=0)


def _ignore(_event: Event) -> None:
    """Hear nothing of the progress."""


@frozen
class Route:
    """Where a key goes: the whole fleet in order, home first, each with the reason why it is left out."""

    key: Key
    placement: Placement
    candidates: tuple[Candidate, ...]

    @property
    def home(self) -> Daemon | None:
        """The daemon that the key belongs to, fit or not; None for an empty fleet."""
        return self.candidates[0].daemon if self.candidates else None


class BuildRouter(Closing):
    """Sends builds to the daemon that is warm for them.

    ``environment`` stands for os.environ, which is taken as it is now when it is left out; ``fleet`` for
    what the config would find. One router may serve many builds, also from several threads. A context
    manager: what ``fleet`` or ``dial_options`` were used for may leave a connection for the next use, which
    leaving it closes; ``build``, ``connect``, ``routes`` and ``command`` leave none.
    """

    def __init__(
        self,
        config: RouterConfig | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        fleet: Fleet | None = None,
    ) -> None:
        self._config = config or RouterConfig()
        self._environment = current_environment() if environment is None else environment
        self._fleet = fleet
        self._files = OneTimeFiles()
        self._kube = KubeClients(self._files)

    def close(self) -> None:
        """Close the connections that nobody uses now; the router can be used on."""
        self._kube.close()

    def build(
        self,
        request: BuildRequest,
        *,
        on_event: Callable[[Event], None] = _ignore,
        cancellation: Cancellation | None = None,
    ) -> BuildResult:
        """Build on the first daemon in the order that can be reached and has room.

        Blocks until it is done; ``on_event`` hears of progress in this thread. Raises ``BuildError`` when the
        build itself fails, ``UnreachableError`` when no daemon could be reached or all have lost the build,
        ``UsageError`` for a request that can't be carried out, ``TimeLimitError`` when the config's
        ``timeout`` has passed, ``CancelledError`` when ``cancellation`` is thrown.
        """
        request = _question(request)
        with self, Cancellation() if cancellation is None else _borrowed(cancellation) as switch:
            if self._config.timeout is None:
                return self._build(request, on_event, switch)
            from router.timelimit import TimeLimit

            with TimeLimit(self._config.timeout, switch) as limit:
                return self._build(request, _both(limit.event, on_event), limit.cancellation)

    def _build(
        self, request: BuildRequest, on_event: Callable[[Event], None], cancellation: Cancellation
    ) -> BuildResult:
        began = time.monotonic()
        files = OneTimeFiles()
        request = self._checked(request, files, on_event, cancellation)
        for warning in docker_config.load(self._environment).warnings:
            _tell(on_event, "warning", warning)
        key = self.key(request)
        _tell(on_event, "verbose", f"key {key.key} (rule: {key.rule})")
        context = self._context(key, on_event, cancellation)
        context = replace(context, context_id=self._context_id(request), files=files)
        config = self._config
        policy = Policy(max_builds=config.max_builds, queue=config.queue, retries=config.retries)
        attempts = Attempts(request, context, _backend(config.backend), policy)
        try:
            result = attempts.run(lambda: self._fit_candidates(key, request, context))
        except (FleetError, NoDaemonError, DialError, ConnectionLostError, OverloadError) as exc:
            if config.fallback == "none":
                raise
            result = self._fall_back(exc, request, context)
        return replace(result, key=key.key, rule=key.rule, seconds=time.monotonic() - began)

    def connect(
        self,
        request: BuildRequest,
        *,
        on_event: Callable[[Event], None] = _ignore,
        cancellation: Cancellation | None = None,
    ) -> Connection:
        """Connect to the daemon that a build would go to, for somebody else to speak with it.

        The first in the order that answers; the caller closes the connection. Raises ``UnreachableError``,
        ``UsageError``, and ``CancelledError`` when ``cancellation`` is thrown while daemons are waited for.
        """
        from router.operations.connect import first_that_answers

        key = self.key(request)
        _tell(on_event, "verbose", f"key {key.key} (rule: {key.rule})")
        with self:
            with Cancellation() if cancellation is None else _borrowed(cancellation) as switch:
                context = self._context(key, on_event, switch)
                candidates = self._fit_candidates(key, request, context)
            return first_that_answers(
                [candidate.daemon for candidate in candidates if candidate.fit], context.dial
            )

    def _context(
        self, key: Key, on_event: Callable[[Event], None], cancellation: Cancellation
    ) -> BackendContext:
        return BackendContext(
            key=key.key,
            on_event=on_event,
            cancellation=cancellation,
            dial=replace(
                self.dial_options,
                tell=lambda text: _tell(on_event, "verbose", text),
                warn=_once(lambda text: _tell(on_event, "warning", text)),
            ),
            environment=self._environment,
        )

    def _checked(
        self,
        request: BuildRequest,
        files: OneTimeFiles,
        on_event: Callable[[Event], None],
        cancellation: Cancellation,
    ) -> BuildRequest:
        """Find what the user gave wrong before any daemon is looked for; read what can be read once."""

        def tell(text: str) -> None:
            _tell(on_event, "info", text)

        files.take((*request.files, piped_dockerfile(request)), cancellation, tell)
        if self._config.tls is not None:
            self._files.take(self._config.tls.files, cancellation, tell)
        self._files.take(self._kubeconfigs, cancellation, tell)
        request = with_piped_dockerfile(request, files)
        check_inputs(request)
        parse_tags(request.tags)
        SecretStore(request.secrets, self._environment, files).check()
        self._check_outputs(request)
        return request

    @property
    def _kubeconfigs(self) -> tuple[str, ...]:
        """The kubeconfig files that will be read, none where no pod is asked for."""
        addresses = self._config.addresses or (("", self._environment.get("BUILDKIT_HOST", "")),)
        pods = self._config.selector or any(address.startswith("kube-pod:") for _, address in addresses)
        return kubeconfig_paths(self._config.kubeconfig, self._environment) if pods else ()

    def _check_outputs(self, request: BuildRequest) -> None:
        outputs = resolve_outputs(request.outputs, push=request.push, load=request.load, tags=request.tags)
        for output in outputs:
            self._check_output(output, request.allow)
        if len(outputs) > 1:
            from router.files import check_apart

            written = [each for each in outputs if each.dest and each.dest != STDOUT]
            check_apart((each.dest or "", each.type == "local") for each in written)

    def _check_output(self, output: Output, allowed: Sequence[str]) -> None:
        if is_load(output):
            from router.providers.docker_load import check_engine

            check_engine(self._environment)
        elif output.dest and output.dest != STDOUT:
            from router.files import check_directory, check_new_file

            (check_directory if is_directory(output) else check_new_file)(output.dest, "the output")
            if is_mirror(output):
                from router.files import check_mirror
                from router.flags.entitlement import LOCAL_DELETE

                if LOCAL_DELETE not in allowed:
                    check_mirror(output.dest, "the output")

    def key(self, request: BuildRequest) -> Key:
        """Return the balancing key of a request, and the rule that made it."""
        context = _identity(request)
        return balancing_key(
            KeyInputs(
                key=self._config.key,
                image_repo=self._environment.get("IMAGE_REPO", ""),
                image=self._environment.get("IMAGE", "") or self._environment.get("IMAGES", ""),
                tags=request.tags,
                git=self._git(context),
                context=os.path.abspath(context) if os.path.isdir(context) else context,
            )
        )

    def route(self, key: Key, platforms: Sequence[str] = ()) -> Route:
        """Return the order of the fleet for a key. Lists the fleet; connects to no daemon.

        Raises ``UnreachableError`` when it can't be listed, ``UsageError`` when the config is wrong.
        """
        return self.routes([key], platforms)[0]

    def routes(self, keys: Sequence[Key], platforms: Sequence[str] = ()) -> tuple[Route, ...]:
        """Return the order of the fleet for each key, from one listing. Raises as ``route`` does."""
        with self:
            return self._routes(keys, platforms)

    def _routes(self, keys: Sequence[Key], platforms: Sequence[str]) -> tuple[Route, ...]:
        daemons = self.fleet.daemons()
        return tuple(self._ranked(key, daemons, platforms) for key in keys)

    def _ranked(self, key: Key, daemons: Sequence[Daemon], platforms: Sequence[str]) -> Route:
        placement = self._config.placement
        return Route(key=key, placement=placement, candidates=order(key.key, daemons, placement, platforms))

    def command(self, request: BuildRequest) -> tuple[Route, Sequence[str]]:
        """Return where ``build`` would begin, and its command line there with secrets redacted."""
        request = with_piped_dockerfile(_question(request), OneTimeFiles())
        key = self.key(request)
        route = self.route(key, request.platforms)
        daemon = self._fit(route)[0].daemon
        with Cancellation() as switch:
            context = self._context(key, _ignore, switch)
            return route, _backend(self._config.backend).command(request, daemon, context)

    @property
    def fleet(self) -> Fleet:
        """The daemons that the config names, found when first asked for."""
        if self._fleet is None and self._builds_on_docker:
            from router.fleet.docker import DockerFleet

            self._fleet = DockerFleet(self._environment)
        elif self._fleet is None:
            config = self._config
            self._fleet = discover(
                FleetOptions(
                    addresses=config.addresses,
                    selector=config.selector or None,
                    namespace=config.namespace,
                    kube_context=config.kube_context,
                    kubeconfig=config.kubeconfig,
                    kube=self._kube,
                    pod_ip=None if config.via == "auto" else config.via == "pod-ip",
                    identity=config.identity,
                    environment=self._environment,
                    timeout=config.connect_timeout,
                )
            )
        return self._fleet

    @property
    def _builds_on_docker(self) -> bool:
        """Whether the docker command chooses the daemon: BUILDKIT_HOST means nothing to it."""
        config = self._config
        return config.backend == "docker" and not config.addresses and not config.selector

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

    def _fit_candidates(
        self, key: Key, request: BuildRequest, context: BackendContext
    ) -> Sequence[Candidate]:
        """List the fleet as it is now, and rank it; see ``Ranking``."""
        route = (
            self._awaited(key, request, context)
            if self._config.wait
            else self._routes([key], request.platforms)[0]
        )
        _tell_who_is_left_out(route, context.on_event)
        self._fit(route)
        return route.candidates

    def _awaited(self, key: Key, request: BuildRequest, context: BackendContext) -> Route:
        """Return the order once somebody in it is fit, waiting for that as long as the config allows."""
        from router.fleet.waiting import Patience, wait_for_fit

        candidates = wait_for_fit(
            self.fleet,
            lambda daemons: self._ranked(key, daemons, request.platforms).candidates,
            Patience(
                seconds=self._config.wait,
                tell=lambda text: _tell(context.on_event, "info", text),
                cancellation=context.cancellation,
            ),
        )
        return Route(key=key, placement=self._config.placement, candidates=candidates)

    def _fall_back(self, error: RouterError, request: BuildRequest, context: BackendContext) -> BuildResult:
        """Build on this machine, since the fleet can't."""
        result = self._build_here(error, request, replace(context, on_event=_outside(context.on_event)))
        return replace(result, place=_NOWHERE)

    def _build_here(self, error: RouterError, request: BuildRequest, context: BackendContext) -> BuildResult:
        name = self._config.backend
        if self._config.fallback == "daemonless":
            from router.fleet.daemonless import Surroundings, daemonless

            _tell(context.on_event, "warning", f"{error}; falling back to a buildkitd of this machine's own")
            surroundings = Surroundings(
                environment=context.environment,
                cancellation=context.cancellation,
                tell=lambda text: _tell(context.on_event, "info", text),
            )
            with daemonless(surroundings) as daemon:
                # docker knows no address of a plain buildkitd.
                backend = _backend("native" if name == "docker" else name)
                return Attempts(request, context, backend, Policy()).run(lambda: (Candidate(daemon=daemon),))
        from router.fleet.docker import DockerFleet

        _tell(context.on_event, "warning", f"{error}; falling back to the local Docker engine")
        # buildctl can't reach the BuildKit inside an engine; docker can.
        backend = _backend("docker" if name == "buildctl" else name)
        engine = tuple(Candidate(daemon=daemon) for daemon in DockerFleet(self._environment).daemons())
        return Attempts(request, context, backend, Policy()).run(lambda: engine)

    def _fit(self, route: Route) -> tuple[Candidate, ...]:
        return require_fit(route.candidates, self.fleet.describe(), self.fleet.hint)

    def _git(self, context: str) -> GitCheckout | None:
        location = find_git_location(context) if os.path.isdir(context) else None
        return GitCheckout(remote=location.remote, path=location.path) if location else None

    def _context_id(self, request: BuildRequest) -> str:
        context = _identity(request)
        git = self._git(context)
        return git.path if git else os.path.basename(os.path.abspath(context))


def _identity(request: BuildRequest) -> str:
    """Return the context that the build is known by: what comes on stdin was made where we are."""
    return "." if request.context == STDIN else request.context


def _question(request: BuildRequest) -> BuildRequest:
    """Return the request as it is, but without outputs where it asks the frontend instead of building."""
    if request.call == "build":
        return request
    from router.operations.call import question

    return question(request)


def _tell_who_is_left_out(route: Route, on_event: Callable[[Event], None]) -> None:
    for candidate in route.candidates:
        if not candidate.fit:
            _tell(on_event, "verbose", f"leaving out {candidate.daemon.name}: {candidate.reason}")


def _backend(name: BackendName) -> Backend:
    # Imported when chosen: the native one must not pay for the others.
    match name:
        case "native":
            from router.backends.native import NativeBackend

            return NativeBackend()
        case "buildctl":
            from router.backends.buildctl import BuildctlBackend

            return BuildctlBackend()
        case "docker":
            from router.backends.docker import DockerBackend

            return DockerBackend()


def _outside(on_event: Callable[[Event], None]) -> Callable[[Event], None]:
    """Return what hears of attempts on daemons that are not in the order for the key."""

    def tell(event: Event) -> None:
        on_event(replace(event, place=_NOWHERE) if isinstance(event, Attempt) else event)

    return tell


def _both(first: Callable[[Event], None], second: Callable[[Event], None]) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        first(event)
        second(event)

    return tell


def _once(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Return what tells each text once, however often a daemon is dialled."""
    told: set[str] = set()

    def tell_new(text: str) -> None:
        if text not in told:
            told.add(text)
            tell(text)

    return tell_new


def _tell(on_event: Callable[[Event], None], level: NoticeLevel, text: str) -> None:
    on_event(Notice(level=level, text=text))


@contextmanager
def _borrowed(cancellation: Cancellation) -> Iterator[Cancellation]:
    """Yield somebody else's switch and leave it open."""
    yield cancellation
