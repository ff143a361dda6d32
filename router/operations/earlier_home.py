"""The daemon that was a key's home before its fleet grew: asked after a build that home had never built."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from router.cancellation import Cancellation
from router.errors import CancelledError
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.operations.each import Answer, ask_one, at_once
from router.solve.control import Control
from router.solve.record import record_event
from router.solve.ref import builds_of, ref_prefix
from router.transport.options import DialOptions

__all__ = ["earlier_home"]

# Seconds for connecting, and as many for the answer: the build is over, and its client waits.
_TIMEOUT = 0.5
# Daemons that are asked. Each that was added moves a key by one place at most.
_MOST = 8


def earlier_home(others: Sequence[Daemon], key: str, options: DialOptions, cancellation: Cancellation) -> str:
    """Return the first of the daemons behind home in a key's order that has built the key as its home; empty
    where there is none, or they don't answer.

    Without the daemons before it in the order it is home: so these were added since. What it built as a
    second choice is marked so, and doesn't count.
    """
    options = replace(options, timeout=min(options.timeout, _TIMEOUT))

    def ask(daemon: Daemon) -> Answer[bool]:
        return ask_one(daemon, options, partial(_was_home, prefix=ref_prefix(key)), cancellation)

    try:
        answers = at_once(others[:_MOST], ask)
    except CancelledError:  # the build has succeeded, whatever happens now
        return ""
    return next((answer.daemon.name for answer in answers if answer.value), "")


def _was_home(control: Control, timeout: float, *, prefix: str) -> bool:
    """Say whether the daemon has built the key successfully as its home, as far as it knows."""
    was_home = False

    def see(message: memoryview) -> None:
        nonlocal was_home
        record = record_event(message)
        if record is not None and record.status == "completed" and record.ref.startswith(prefix):
            was_home = was_home or (record.mark is not None and record.mark.place == 1)

    control.wait(control.records(builds_of(prefix, latest=False), see), timeout=timeout)
    return was_home
