"""Delete records of the daemons' build cache, as ``buildctl prune`` and ``docker buildx prune`` do."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from router._proto import control_pb2 as pb
from router.cancellation import Cancellation
from router.errors import CancelledError, RpcError
from router.flags.usage_filter import check_for_prune, format_selectors
from router.model.daemon import Daemon
from router.operations.debug_daemon import Worker, workers_of
from router.operations.each import Answer, ask_each, ask_one, at_once
from router.operations.prune_plan import Pruning, planned
from router.operations.usage import CacheRecord, Usage, cache_record, usage_of
from router.rpc.grpc import Status
from router.solve.control import Control
from router.transport.options import DialOptions

__all__ = ["check_spaces", "plan_prune", "prune"]

_NANOSECONDS = 1_000_000_000
# The first BuildKit that knows --max-used-space and --min-free-space; others delete as if they weren't there.
_KNOWS_SPACES = (0, 17)
# Of one daemon, whose records are kept. A store of so many is none that a daemon could still work with.
_MOST_RECORDS = 100_000
_MOST_BYTES = 64 << 20


def prune(
    daemons: Sequence[Daemon],
    options: DialOptions,
    pruning: Pruning,
    *,
    on_record: Callable[[Daemon, CacheRecord], None],
    cancellation: Cancellation | None = None,
) -> tuple[Answer[Usage], ...]:
    """Delete records on each daemon; the answers have those that are gone, in the daemons' order.

    An answer with an error has what was gone by then. ``options.timeout`` bounds connecting and a daemon's
    first word, nothing the deleting itself: a daemon that falls silent meanwhile is given up.
    ``on_record`` hears of each record as it goes, one call at a time. Raises ``UsageError``.
    """
    check_for_prune(pruning.filters)
    one_at_a_time = threading.Lock()

    def tell(daemon: Daemon, record: CacheRecord) -> None:
        with one_at_a_time:
            on_record(daemon, record)

    return at_once(daemons, lambda daemon: _prune(daemon, options, pruning, tell, cancellation))


def plan_prune(
    daemons: Sequence[Daemon], options: DialOptions, pruning: Pruning
) -> tuple[Answer[Usage], ...]:
    """Return what ``prune`` would delete on each daemon now; nothing is deleted.

    Raises ``UsageError``, also where that depends on a daemon's disk.
    """
    check_for_prune(pruning.filters)
    pruning.check_plan()
    return ask_each(daemons, options, partial(_plan, pruning))


def _prune(
    daemon: Daemon,
    options: DialOptions,
    pruning: Pruning,
    on_record: Callable[[Daemon, CacheRecord], None],
    cancellation: Cancellation | None,
) -> Answer[Usage]:
    gone: list[CacheRecord] = []
    left = _MOST_BYTES

    def take(record: pb.UsageRecord) -> None:
        nonlocal left
        left -= record.ByteSize()
        if left < 0 or len(gone) == _MOST_RECORDS:
            raise RpcError(
                f"{daemon.name} says that it deleted more than {_MOST_RECORDS} records, or tells more than"
                f" {_MOST_BYTES >> 20} MiB of them",
                code=Status.INTERNAL,
            )
        gone.append(cache_record(record))
        on_record(daemon, gone[-1])

    def run(control: Control, timeout: float) -> None:
        if pruning.max_used_space or pruning.min_free_space:
            check_spaces(control, timeout, daemon)
        control.prune(_request(pruning), take, timeout=timeout)

    error = ask_one(daemon, options, run, cancellation).error
    answered = gone or error is None or isinstance(error, CancelledError)
    return Answer(daemon=daemon, value=usage_of(gone) if answered else None, error=error)


def _plan(pruning: Pruning, control: Control, timeout: float) -> Usage:
    everything = [cache_record(record) for record in control.disk_usage("", timeout=timeout).record]
    selectors = format_selectors(pruning.filters)
    matching = None
    if selectors:  # the daemon knows its own grammar best
        matching = {record.ID for record in control.disk_usage(selectors, timeout=timeout).record}
    return usage_of(planned(everything, matching, pruning))


def _request(pruning: Pruning) -> pb.PruneRequest:
    selectors = format_selectors(pruning.filters)
    return pb.PruneRequest(
        filter=[selectors] if selectors else [],
        all=pruning.all,
        keepDuration=int((pruning.filters.unused_for or 0) * _NANOSECONDS),
        reservedSpace=pruning.reserved_space,
        maxUsedSpace=pruning.max_used_space,
        minFreeSpace=pruning.min_free_space,
    )


def check_spaces(control: Control, timeout: float, daemon: Daemon) -> None:
    """Raise ``RpcError`` where the daemon would not heed bounds of space, and delete everything instead."""
    workers = workers_of(control, timeout)
    if not _knows_spaces(workers):
        version = next((worker.version.version for worker in workers if worker.version.version), "")
        has = f"has {version}" if version else "does not tell its version"
        raise RpcError(
            f"{daemon.name} is too old for --max-used-space and --min-free-space, which need BuildKit 0.17:"
            f" it {has}",
            code=Status.UNIMPLEMENTED,
            hint="give --reserved-space or --keep-duration, or leave it out with --daemon",
        )


def _knows_spaces(workers: Iterable[Worker]) -> bool:
    for worker in workers:
        found = re.match(r"v?(\d+)\.(\d+)", worker.version.version)
        if found and (int(found[1]), int(found[2])) >= _KNOWS_SPACES:
            return True
        # What has no version of its own (a build from source, an engine) has rules that use them.
        if any(rule.max_used_space or rule.min_free_space for rule in worker.gc_rules):
            return True
    return False
