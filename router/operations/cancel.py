"""End a build that another client started.

BuildKit has no call for that: a build ends when its client goes away or cancels it. A build of warmroute's
native backend hears the word in `solve.recall` and ends itself. What others send (buildx, buildctl, the other
backends), only its own client can end: the gateway's Return, by which a third party could hand a build of
buildx a result, has been called by buildx itself by the time that steps run.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from router.errors import DialError, RouterError, RpcError, UsageError
from router.operations.records import BuildOutcome, DaemonRecord
from router.rpc import RpcChannel, open_channel
from router.rpc.grpc import Status
from router.rpc.protobuf import field
from router.solve.control import Control
from router.solve.recall import recall_ref
from router.solve.record import record_event
from router.transport.options import DialOptions

__all__ = ["cancel_builds"]

_AT_ONCE = 32


def cancel_builds(builds: Sequence[DaemonRecord], options: DialOptions, by: str) -> tuple[BuildOutcome, ...]:
    """End builds, all at once, and return once they are over on their daemons, or were not in time.

    ``by`` is told to their clients. ``options.timeout`` is the deadline for connecting to a daemon, and again
    for the end of its build.
    """
    if not builds:
        return ()
    with ThreadPoolExecutor(min(len(builds), _AT_ONCE), "cancel") as pool:
        return tuple(pool.map(partial(_outcome, options=options, by=by), builds))


def _outcome(build: DaemonRecord, options: DialOptions, by: str) -> BuildOutcome:
    try:
        _check(build)
        with open_channel(build.daemon.address, options, peer=build.daemon.peer) as channel:
            _end(build, channel, options.timeout, by)
    except RouterError as exc:
        return BuildOutcome(build=build, error=exc)
    return BuildOutcome(build=build)


def _check(build: DaemonRecord) -> None:
    record = build.record
    if record.completed is not None:
        raise UsageError(f"the build {record.ref} on {build.daemon.name} is over: {record.status}")
    if record.mark is None:
        raise UsageError(
            f"the build {record.ref} on {build.daemon.name} can be ended only by its own client:"
            " warmroute's native backend did not start it, and BuildKit has no call for that",
            hint="interrupt the program that builds (docker, buildx or buildctl), or restart the daemon",
        )


def _end(build: DaemonRecord, channel: RpcChannel, timeout: float, by: str) -> None:
    """Say the word, and wait for the end."""
    control, ref = Control(channel), build.record.ref
    told = over = False

    def hear(message: memoryview) -> None:
        nonlocal told, over
        record = record_event(message)
        told = True
        over |= record is not None and record.completed is not None

    listening = control.records(field(2, ref), hear)
    channel.run(lambda: told or listening.done, timeout=timeout)
    if over:
        return
    # The answer is that there is no such record, which is so.
    control.update_record(recall_ref(ref, by), delete=True)
    try:
        channel.run(lambda: over or listening.done, timeout=timeout)
    except DialError as exc:
        if exc.reason != "timeout":
            raise
        raise _unheeded(build, timeout) from exc
    if not over and listening.error is not None:
        raise listening.error


def _unheeded(build: DaemonRecord, timeout: float) -> RpcError:
    by = build.record.mark.by if build.record.mark else ""
    return RpcError(
        f"the build {build.record.ref} on {build.daemon.name} still runs after {timeout:g} s",
        code=Status.DEADLINE_EXCEEDED,
        hint=f"interrupt it where it was begun{f', by {by}' if by else ''}",
    )
