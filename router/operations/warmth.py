"""Which daemons of some have built a balancing key: asked where its home is full, or has not built it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from router.model.daemon import Daemon
from router.model.frozen import replace
from router.operations.each import ask_each
from router.solve.control import Control
from router.solve.inflight import history_event
from router.solve.ref import builds_of
from router.transport.options import DialOptions

__all__ = ["warm_among"]

# Seconds that a daemon may take: it is asked while a build waits.
_TIMEOUT = 2.0

Moment = tuple[int, int]


def warm_among(
    daemons: Sequence[Daemon], prefix: str, options: DialOptions, *, cold: Daemon | None = None
) -> tuple[str, ...]:
    """Return the names of those whose history has a build of the key that is over, in their order.

    ``cold`` is the daemon that would build otherwise, where its history has none. It keeps the latest builds
    only, so one counts less that built the key before the oldest of them: ``cold`` may have built it since.
    """
    options = replace(options, timeout=min(options.timeout, _TIMEOUT))
    built = {
        answer.daemon.name: answer.value
        for answer in ask_each(daemons, options, partial(_latest, prefix=prefix))
        if answer.value is not None
    }
    if cold is not None and built:
        (answer,) = ask_each([cold], options, _oldest)
        since = answer.value
        built = {name: at for name, at in built.items() if since is None or since < at}
    return tuple(built)


def _latest(control: Control, timeout: float, *, prefix: str) -> Moment | None:
    """Return when the daemon last began a build of the key, as far as it knows."""
    return max(_ends(control, timeout, prefix), default=None)


def _oldest(control: Control, timeout: float) -> Moment | None:
    """Return when the oldest build was begun that the daemon knows of."""
    return min(_ends(control, timeout, ""), default=None)


def _ends(control: Control, timeout: float, prefix: str) -> tuple[Moment, ...]:
    """Return when the first and the last were begun of the builds that are over and whose refs begin so."""
    ends: tuple[Moment, ...] = ()

    def see(message: memoryview) -> None:
        nonlocal ends
        event = history_event(message)
        if event.ref.startswith(prefix) and not event.started:
            known = (*ends, event.created)
            ends = (min(known), max(known))

    control.wait(control.records(builds_of(prefix), see), timeout=timeout)
    return ends
