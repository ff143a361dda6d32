"""The builds that the daemons of a fleet remember, finished and running, in one list by time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from router.errors import RouterError, RpcError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.model.record import BuildRecord
from router.notation.varint import integer_field
from router.operations.each import Answer, ask_each
from router.rpc import RpcCall
from router.rpc.events import Http2Error
from router.rpc.grpc import Status
from router.rpc.protobuf import field
from router.solve.control import Control
from router.solve.record import record_event
from router.transport.options import DialOptions

__all__ = ["BuildOutcome", "DaemonRecord", "RecordQuery", "ask_records", "by_time", "read_records", "to_end"]

# Of one daemon: a history keeps some hundreds of records, of some kilobytes each.
_MOST_RECORDS = 10_000
_MOST_BYTES = 64 << 20
_COST_OF_A_RECORD = 1000


@frozen
class RecordQuery:
    """Which builds are asked for: one by its whole ``ref``, only those that run, or all.

    ``limit`` is how many finished ones a daemon tells at most, the latest; 0 is all.
    """

    ref: str = ""
    active_only: bool = False
    limit: int = 0


@frozen
class DaemonRecord:
    """A build, and the daemon that has it."""

    daemon: Daemon
    record: BuildRecord


@frozen
class BuildOutcome:
    """The outcome of a change to a build; ``error`` is set where it failed."""

    build: DaemonRecord
    error: RouterError | None = None


def ask_records(
    daemons: Sequence[Daemon], options: DialOptions, query: RecordQuery | None = None
) -> tuple[Answer[tuple[BuildRecord, ...]], ...]:
    """Return the records of each daemon, in the daemons' order; see ``ask_each``."""
    return ask_each(daemons, options, partial(read_records, query=query or RecordQuery()))


def by_time(answers: Iterable[Answer[tuple[BuildRecord, ...]]]) -> tuple[DaemonRecord, ...]:
    """Return all builds of the daemons that answered: those that run first, then the latest begun first."""
    found = [
        DaemonRecord(daemon=answer.daemon, record=record)
        for answer in answers
        for record in answer.value or ()
    ]
    return tuple(
        sorted(found, key=lambda each: (each.record.completed is not None, -(each.record.created or 0)))
    )


def read_records(control: Control, timeout: float, *, query: RecordQuery) -> tuple[BuildRecord, ...]:
    """Ask one daemon, which may take ``timeout`` seconds.

    A build that ends meanwhile is told once, as it is last told. Raises ``RpcError`` where the daemon is too
    old to have a history.
    """
    found: dict[str, BuildRecord] = {}
    left = _MOST_BYTES

    def take(message: memoryview) -> None:
        nonlocal left
        left -= len(message) + _COST_OF_A_RECORD
        if left < 0 or len(found) >= _MOST_RECORDS:
            raise Http2Error(
                f"the daemon's history has more than {_MOST_RECORDS} builds or {_MOST_BYTES >> 20} MiB"
            )
        record = record_event(message)
        if record is not None and record.ref:
            found[record.ref] = record

    # ActiveOnly, Ref, EarlyExit, Limit
    asked = field(2, query.ref) + integer_field(3, True)
    if query.active_only:
        asked += integer_field(1, True)
    if query.limit:
        asked += integer_field(5, query.limit)
    to_end(control, control.records(asked, take), timeout)
    return tuple(_limited(found.values(), query.limit))


def to_end(control: Control, call: RpcCall, timeout: float) -> None:
    """Wait until a call on a daemon's history is done.

    Raises its error, which says of a daemon that is too old for it that it is; as ``RpcChannel.run``.
    """
    channel = control.channel
    channel.run(lambda: call.done, timeout=timeout)
    if isinstance(call.error, RpcError) and call.error.code == Status.UNIMPLEMENTED:
        raise RpcError(
            f"{channel.peer} keeps no build history: its BuildKit is older than 0.11",
            code=Status.UNIMPLEMENTED,
            hint="leave it out with --daemon, or update it",
        ) from call.error
    if call.error is not None:
        raise call.error


def _limited(records: Iterable[BuildRecord], limit: int) -> Iterable[BuildRecord]:
    """Apply the limit for daemons that don't know it."""
    if not limit:
        return records
    running = [record for record in records if record.completed is None]
    over = [record for record in records if record.completed is not None]
    over.sort(key=lambda record: -(record.created or 0))
    return [*running, *over[:limit]]
