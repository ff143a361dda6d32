"""The build on this machine, where the fleet can't: by its Docker engine, or by a buildkitd of its own."""

from __future__ import annotations

from collections.abc import Callable

from router.attempts import Attempts, Policy
from router.backends import BackendContext, choice
from router.config import RouterConfig
from router.errors import RouterError
from router.fleet.daemonless import Surroundings, daemonless
from router.fleet.docker import DockerFleet
from router.model.daemon import Candidate, Place
from router.model.events import Attempt, Event
from router.model.frozen import replace
from router.model.result import BuildResult
from router.notices import tell
from router.solve.prepared import PreparedBuild

__all__ = ["fall_back"]

_NOWHERE = Place(number=0)


def fall_back(
    error: RouterError, build: PreparedBuild, context: BackendContext, config: RouterConfig
) -> BuildResult:
    """Build here as ``config.fallback`` has it; ``error`` is why."""
    mark = None if context.mark is None else replace(context.mark, place=0)
    context = replace(context, on_event=_outside(context.on_event), mark=mark)
    build_here = _daemonless if config.fallback == "daemonless" else _on_engine
    return replace(build_here(error, build, context, config), place=_NOWHERE)


def _on_engine(
    error: RouterError, build: PreparedBuild, context: BackendContext, config: RouterConfig
) -> BuildResult:
    tell(context.on_event, "warning", f"{error}; falling back to the local Docker engine")
    # buildctl can't reach the BuildKit inside an engine; docker can.
    backend = choice.backend_named("docker" if config.backend == "buildctl" else config.backend)
    engine = tuple(Candidate(daemon=daemon) for daemon in DockerFleet(context.environment).daemons())
    return Attempts(build, context, backend, Policy()).run(lambda: engine)


def _daemonless(
    error: RouterError, build: PreparedBuild, context: BackendContext, config: RouterConfig
) -> BuildResult:
    tell(context.on_event, "warning", f"{error}; falling back to a buildkitd of this machine's own")
    surroundings = Surroundings(
        environment=context.environment,
        cancellation=context.cancellation,
        tell=lambda text: tell(context.on_event, "info", text),
    )
    # docker knows no address of a plain buildkitd.
    backend = choice.backend_named("native" if config.backend == "docker" else config.backend)
    with daemonless(surroundings) as daemon:
        return Attempts(build, context, backend, Policy()).run(lambda: (Candidate(daemon=daemon),))


def _outside(on_event: Callable[[Event], None]) -> Callable[[Event], None]:
    """Return what hears of attempts on daemons that are not in the order for the key."""

    def hear(event: Event) -> None:
        on_event(replace(event, place=_NOWHERE) if isinstance(event, Attempt) else event)

    return hear
