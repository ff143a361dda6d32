"""Change the daemons' histories: remove records, pin and unpin them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

from router.errors import RouterError, RpcError, UsageError
from router.operations.records import BuildOutcome, DaemonRecord, to_end
from router.rpc import open_channel
from router.solve.control import Control
from router.transport.options import DialOptions

__all__ = ["HistoryChange", "change_history"]

HistoryChange = Literal["remove", "pin", "unpin"]
"""A pinned record is kept by the daemon's own limits and by prune."""

_AT_ONCE = 32


def change_history(
    builds: Sequence[DaemonRecord], options: DialOptions, change: HistoryChange
) -> tuple[BuildOutcome, ...]:
    """Change the records of builds, on all their daemons at once; return what became of each.

    A build that runs has no record to change yet.
    """
    if not builds:
        return ()
    of_daemons: dict[str, list[DaemonRecord]] = {}
    for build in builds:
        of_daemons.setdefault(build.daemon.name, []).append(build)
    with ThreadPoolExecutor(min(len(of_daemons), _AT_ONCE), "history") as pool:
        changed = pool.map(partial(_change_all, options=options, change=change), of_daemons.values())
        return tuple(outcome for outcomes in changed for outcome in outcomes)


def _change_all(
    builds: Sequence[DaemonRecord], options: DialOptions, change: HistoryChange
) -> list[BuildOutcome]:
    """Change the records of one daemon."""
    daemon = builds[0].daemon
    outcomes: list[BuildOutcome] = []
    try:
        with open_channel(daemon.address, options, peer=daemon.peer) as channel:
            control = Control(channel)
            outcomes.extend(_change(control, build, options.timeout, change) for build in builds)
    except RouterError as exc:  # the connection's: it holds for the others too
        outcomes += [BuildOutcome(build=build, error=exc) for build in builds[len(outcomes) :]]
    return outcomes


def _change(control: Control, build: DaemonRecord, timeout: float, change: HistoryChange) -> BuildOutcome:
    ref = build.record.ref
    if build.record.completed is None:
        runs = UsageError(f"the build {ref} on {build.daemon.name} runs: it has no record yet")
        return BuildOutcome(build=build, error=runs)
    try:
        to_end(
            control, control.update_record(ref, delete=change == "remove", pinned=change == "pin"), timeout
        )
    except RpcError as exc:
        return BuildOutcome(build=build, error=exc)
    return BuildOutcome(build=build)
