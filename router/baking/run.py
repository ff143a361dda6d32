"""Targets built side by side, as many at once as may be; what is left of them is given up when one fails.

Each target has a thread of its own while it is built. The caller's thread waits, and passes on its
cancellation.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from router.backends.sharing import SharedFiles
from router.baking.groups import groups
from router.baking.linked import Ear, Group, build_linked
from router.baking.outcome import BakeListener, TargetOutcome
from router.baking.requests import BakeBuild
from router.baking.shared import shared_directories
from router.baking.threads import side_by_side
from router.build import Beside, BuildRouter
from router.cancellation import Cancellation
from router.errors import CancelledError, RouterError, UsageError
from router.model.frozen import frozen
from router.model.result import BuildResult

__all__ = ["BakeOrder", "build_targets"]

_MOST_AT_ONCE = 100
"""Builds at once where no daemon has a bound: each takes a thread and some descriptors."""


@frozen
class BakeOrder:
    """What is to be built: ``targets``, ``parallel`` at once (0: by the fleet's bounds).

    ``keep_going``: the failure of one doesn't end the others.
    """

    targets: tuple[BakeBuild, ...]
    parallel: int = 0
    keep_going: bool = False


def build_targets(
    router: BuildRouter, order: BakeOrder, listener: BakeListener, cancellation: Cancellation
) -> tuple[TargetOutcome, ...]:
    """Build all targets; return what came of each, in the order's order.

    The error of a target stands in its outcome. Targets that use each other's results share a daemon, and a
    place among those that are built at once. Raises ``CancelledError`` when ``cancellation`` is thrown,
    ``UsageError`` for linked targets on another backend than the native one.
    """
    work = groups(order.targets)
    if router.backend != "native" and any(len(each) > 1 for each in work):
        raise UsageError(
            f"targets that use each other's results can't be built by --backend {router.backend}",
            hint="leave --backend out",
        )
    with Cancellation() as stop, router, SharedFiles(shared_directories(order.targets)) as shared:
        run = _Run(router, order, listener, stop, shared)
        run.build(work, cancellation)
    cancellation.check()
    return run.outcomes()


def _places_of(router: BuildRouter) -> int:
    """Return how many builds the fleet takes at once, 0 where a daemon has no bound or none is known."""
    try:
        daemons = [daemon for daemon in router.fleet.daemons() if daemon.ready and daemon.cordon is None]
    except RouterError:
        return 0  # each build asks again, waits if it may, and says what is wrong
    bounds = [router.max_builds if daemon.max_builds is None else daemon.max_builds for daemon in daemons]
    return sum(bounds) if all(bounds) else 0


class _Run:
    def __init__(
        self,
        router: BuildRouter,
        order: BakeOrder,
        listener: BakeListener,
        stop: Cancellation,
        shared: SharedFiles,
    ) -> None:
        self._router = router
        self._shared = shared
        self._order = order
        self._listener = listener
        self._stop = stop
        self._lock = threading.Lock()
        self._queue: deque[tuple[BakeBuild, ...]] = deque()
        self._outcomes: dict[str, TargetOutcome] = {}
        self._began: dict[str, float] = {}

    def build(self, work: Sequence[tuple[BakeBuild, ...]], cancellation: Cancellation) -> None:
        most = self._order.parallel or _places_of(self._router) or _MOST_AT_ONCE
        at_once = min(most, len(work))
        self._queue.extend(work)
        if waiting := [build.name for group in work[at_once:] for build in group]:
            self._listener.queued(waiting, at_once)
        side_by_side([self._work] * at_once, cancellation, self._stop.cancel)

    def outcomes(self) -> tuple[TargetOutcome, ...]:
        names = (build.name for build in self._order.targets)
        return tuple(
            self._outcomes.get(name) or TargetOutcome(name=name, reason=self._stop.why) for name in names
        )

    def _work(self) -> None:
        while group := self._next():
            for build in group:
                self._began[build.name] = time.monotonic()
                self._listener.began(build.name)
            if len(group) > 1:
                ear = Ear(
                    event=self._listener.event, built=self._built, failed=self._failed, skipped=self._skipped
                )
                build_linked(self._router, Group(builds=group, shared=self._shared), ear, self._stop)
            else:
                self._build(group[0])

    def _next(self) -> tuple[BakeBuild, ...]:
        with self._lock:
            return self._queue.popleft() if self._queue and not self._stop.cancelled else ()

    def _build(self, build: BakeBuild) -> None:
        try:
            result = self._router.build(
                build.request,
                beside=Beside(key=build.key, shared=self._shared.of(build.name)),
                on_event=lambda event: self._listener.event(build.name, event),
                cancellation=self._stop,
            )
        except RouterError as exc:
            if isinstance(exc, CancelledError) and self._stop.cancelled:
                self._skipped(build.name, self._stop.why)
            else:  # also what somebody else has canceled at the daemon
                self._failed(build.name, exc)
        else:
            self._built(build.name, result)

    def _built(self, name: str, result: BuildResult) -> None:
        self._end(TargetOutcome(name=name, result=result, seconds=self._since(name)))

    def _failed(self, name: str, error: RouterError) -> None:
        self._end(TargetOutcome(name=name, error=error, seconds=self._since(name)))
        if not self._order.keep_going:
            self._stop.cancel(f"{name} failed")

    def _skipped(self, name: str, reason: str) -> None:
        self._end(TargetOutcome(name=name, reason=reason, seconds=self._since(name)))

    def _since(self, name: str) -> float:
        return time.monotonic() - self._began[name]

    def _end(self, outcome: TargetOutcome) -> None:
        self._outcomes[outcome.name] = outcome
        self._listener.ended(outcome)
