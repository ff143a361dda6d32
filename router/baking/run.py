"""Targets built side by side, as many at once as may be; what is left of them is given up when one fails.

Each target has a thread of its own while it is built. The caller's thread waits, and passes on its
cancellation.
"""

from __future__ import annotations

import select
import threading
import time
from collections import deque
from collections.abc import Sequence

from router.baking.outcome import BakeListener, TargetOutcome
from router.baking.requests import BakeBuild
from router.build import BuildRouter
from router.cancellation import Cancellation
from router.errors import CancelledError, RouterError
from router.model.frozen import frozen

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

    The error of a target stands in its outcome. Raises ``CancelledError`` when ``cancellation`` is thrown.
    """
    with Cancellation() as stop, Cancellation() as over, router:
        run = _Run(router, order, listener, stop)
        threads = run.start(over)
        try:
            _wait(cancellation, over)
            stop.cancel(cancellation.why)
        except BaseException:
            stop.cancel(cancellation.why or "interrupted")
            raise
        finally:
            for thread in threads:
                thread.join()
    run.reraise()
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


def _wait(cancellation: Cancellation, over: Cancellation) -> None:
    poll = select.poll()
    poll.register(cancellation.fileno(), select.POLLIN)
    poll.register(over.fileno(), select.POLLIN)
    poll.poll()


class _Run:
    def __init__(
        self, router: BuildRouter, order: BakeOrder, listener: BakeListener, stop: Cancellation
    ) -> None:
        self._router = router
        self._order = order
        self._listener = listener
        self._stop = stop
        self._lock = threading.Lock()
        self._queue = deque(order.targets)
        self._outcomes: dict[str, TargetOutcome] = {}
        self._crash: BaseException | None = None

    def start(self, over: Cancellation) -> Sequence[threading.Thread]:
        most = self._order.parallel or _places_of(self._router) or _MOST_AT_ONCE
        left = min(most, len(self._queue))
        lock = threading.Lock()

        def work() -> None:
            nonlocal left
            self._work()
            with lock:
                left -= 1
                if not left:
                    over.cancel("done")

        if not left:
            over.cancel("done")
        if waiting := [build.name for build in self._order.targets[left:]]:
            self._listener.queued(waiting, left)
        threads = [threading.Thread(target=work, name=f"bake {n}", daemon=True) for n in range(left)]
        for thread in threads:
            thread.start()
        return threads

    def reraise(self) -> None:
        if self._crash is not None:
            raise self._crash

    def outcomes(self) -> tuple[TargetOutcome, ...]:
        names = (build.name for build in self._order.targets)
        return tuple(
            self._outcomes.get(name) or TargetOutcome(name=name, reason=self._stop.why) for name in names
        )

    def _work(self) -> None:
        try:
            while (target := self._next()) is not None:
                self._build(target)
        except BaseException as exc:  # noqa: BLE001 -- the caller's thread raises it
            self._crash = exc
            self._stop.cancel("an internal error")

    def _next(self) -> BakeBuild | None:
        with self._lock:
            return self._queue.popleft() if self._queue and not self._stop.cancelled else None

    def _build(self, build: BakeBuild) -> None:
        began = time.monotonic()
        self._listener.began(build.name)
        try:
            result = self._router.build(
                build.request,
                key=build.key,
                on_event=lambda event: self._listener.event(build.name, event),
                cancellation=self._stop,
            )
            outcome = TargetOutcome(name=build.name, result=result)
        except CancelledError as exc:
            outcome = TargetOutcome(name=build.name, reason=self._stop.why or str(exc))
        except RouterError as exc:
            outcome = TargetOutcome(name=build.name, error=exc)
        self._end(outcome, time.monotonic() - began)

    def _end(self, outcome: TargetOutcome, seconds: float) -> None:
        outcome = TargetOutcome(
            name=outcome.name,
            result=outcome.result,
            error=outcome.error,
            reason=outcome.reason,
            seconds=seconds,
        )
        self._outcomes[outcome.name] = outcome
        self._listener.ended(outcome)
        if outcome.error is not None and not self._order.keep_going:
            self._stop.cancel(f"{outcome.name} failed")
