"""Which daemons of some have built a balancing key: asked where its home is full, or has not built it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from router.cancellation import Cancellation
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.operations.each import Answer, ask_one, at_once
from router.solve.control import Control
from router.solve.inflight import history_event
from router.solve.ref import builds_of
from router.transport.options import DialOptions

__all__ = ["warm_among"]

# Seconds for connecting, and as many for the answer: daemons are asked while a build waits.
_TIMEOUT = 1.0

Moment = tuple[int, int]
# Times that no build was begun at.
_ALWAYS, _NEVER = (0, 0), (1 << 63, 0)


def warm_among(
    daemons: Sequence[Daemon],
    prefix: str,
    options: DialOptions,
    cancellation: Cancellation,
    *,
    cold: Daemon | None = None,
) -> tuple[str, ...]:
    """Return the names of those whose history has a build of the key that succeeded, in their order.

    ``cold`` is the daemon that would build otherwise, where its history has none. It keeps the latest builds
    only, so one counts less that built the key before the oldest of them: ``cold`` may have built it since.
    None counts where ``cold`` can't tell. Raises ``CancelledError``.
    """
    options = replace(options, timeout=min(options.timeout, _TIMEOUT))

    def ask(daemon: Daemon) -> Answer[Moment]:
        question = _oldest if daemon is cold else partial(_latest, prefix=prefix)
        return ask_one(daemon, options, question, cancellation)

    answers = at_once((*daemons, *(() if cold is None else (cold,))), ask)
    cancellation.check()
    moments = {answer.daemon.name: answer.value for answer in answers}
    since: Moment | None = _ALWAYS if cold is None else moments.pop(cold.name)
    return tuple(name for name, at in moments.items() if at is not None and since is not None and since < at)


def _latest(control: Control, timeout: float, *, prefix: str) -> Moment:
    """Return when the daemon last began a build of the key that succeeded, as far as it knows."""
    latest = _ALWAYS

    def see(message: memoryview) -> None:
        nonlocal latest
        event = history_event(message)
        if event.ref.startswith(prefix) and event.succeeded:
            latest = max(latest, event.created)

    control.wait(control.records(builds_of(prefix), see), timeout=timeout)
    return latest


def _oldest(control: Control, timeout: float) -> Moment:
    """Return when the oldest build was begun that the daemon knows of, but for what is pinned: that is kept
    whatever else is forgotten. A daemon that knows of none is new, and has forgotten nothing."""
    oldest = _NEVER

    def see(message: memoryview) -> None:
        nonlocal oldest
        event = history_event(message)
        if not (event.started or event.pinned):
            oldest = min(oldest, event.created)

    control.wait(control.records(builds_of(""), see), timeout=timeout)
    return _ALWAYS if oldest == _NEVER else oldest
