"""The trace of a build, from its daemon's content store."""

from __future__ import annotations

from router.errors import RouterError, UsageError
from router.model.record import BuildRecord
from router.operations.blobs import read_blob
from router.operations.records import DaemonRecord, RecordQuery, read_records, to_end
from router.operations.spans import RecordedSpan, parse_spans
from router.rpc import open_channel
from router.solve.control import Control
from router.transport.options import DialOptions
from router.untrusted_json import NotJSONError

__all__ = ["read_trace"]


def read_trace(build: DaemonRecord, options: DialOptions) -> tuple[RecordedSpan, ...]:
    """Return the spans of a build that is over, by time.

    Raises ``UsageError`` for one that runs, or of which the daemon has no trace; ``UnreachableError``,
    ``RpcError``.
    """
    daemon, ref = build.daemon, build.record.ref
    if build.record.completed is None:
        raise UsageError(
            f"the build {ref} on {daemon.name} runs: its trace is written when it is over",
            hint=f"follow it with warmroute logs {ref}",
        )
    with open_channel(daemon.address, options, peer=daemon.peer) as channel:
        record = _traced(Control(channel), build.record, options.timeout)
        if record.trace is None:
            raise UsageError(
                f"{daemon.name} has no trace of the build {ref}", hint="does its buildkitd record traces?"
            )
        blob = read_blob(channel, record.trace.digest, options.timeout)
    try:
        return parse_spans(blob)
    except NotJSONError as exc:
        raise RouterError(f"the trace of the build {ref} on {daemon.name} {exc}") from exc


def _traced(control: Control, record: BuildRecord, timeout: float) -> BuildRecord:
    """Return the record with its trace: a daemon writes that some seconds after the build unless told to."""
    if record.trace is not None:
        return record
    to_end(control, control.finalize_record(record.ref), timeout)
    found = read_records(control, timeout, query=RecordQuery(ref=record.ref))
    return next((each for each in found if each.ref == record.ref), record)
