"""BuildHistoryEvent -> BuildRecord. Pure; the numbers are those of proto/control.proto.

A daemon may send anything: texts, maps and lists are kept up to limits that no build comes near.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.bounds import LONGEST_ID, shortened
from router.model.record import Blob, BuildRecord, RecordedError, RecordedExporter
from router.rpc.protobuf import Value, integer, map_entry, read, submessage, text
from router.solve.mark import marked

__all__ = ["record_event"]

# Limits: characters of an option or an answer, of an error, and entries of one collection.
_LONGEST_VALUE = 20_000
_LONGEST_MESSAGE = 20_000
_MOST = 1000

# BuildHistoryEventType
_DELETED = 2


def record_event(message: memoryview) -> BuildRecord | None:
    """Return the record of a BuildHistoryEvent, None for a deletion. Raises ``Http2Error``."""
    kind, record = 0, None
    for number, value in read(message):
        if number == 1:
            kind = integer(value)
        elif number == 2:
            record = _record(value)
    return None if kind == _DELETED else record


def _record(value: Value) -> BuildRecord:
    of: dict[int, list[Value]] = {}
    for number, part in submessage(value):
        parts = of.setdefault(number, [])
        if len(parts) < _MOST:
            parts.append(part)
    attrs = _map(of.get(3, ()))
    exporters = tuple(map(_exporter, of.get(4, ())))
    results = [("", part) for part in of.get(10, ())[-1:]] + [_keyed(part) for part in of.get(11, ())]
    return BuildRecord(
        ref=_text(of, 1)[:LONGEST_ID],
        frontend=_text(of, 2)[:LONGEST_ID],
        attrs=attrs,
        exporters=exporters,
        error=_error(of[5][-1]) if 5 in of else None,
        created=_time(of, 6),
        completed=_time(of, 7),
        logs=_blob(of, 8),
        response=_map(of.get(9, ())),
        trace=_blob(of, 13),
        pinned=bool(_integer(of, 14)),
        cached_steps=_integer(of, 15),
        total_steps=_integer(of, 16),
        completed_steps=_integer(of, 17),
        error_details=_blob(of, 18),
        warnings=_integer(of, 19),
        attestations={platform: _attestations(result) for platform, result in results},
        results={platform: _results(result) for platform, result in results},
        mark=marked([*(exporter.attrs for exporter in exporters), attrs]),
    )


def _exporter(value: Value) -> RecordedExporter:
    parts = list(submessage(value))
    return RecordedExporter(
        type=next((text(part)[:LONGEST_ID] for number, part in parts if number == 1), ""),
        attrs=_map([part for number, part in parts if number == 2][:_MOST]),
    )


def _error(value: Value) -> RecordedError:
    parts = dict(submessage(value))
    return RecordedError(
        code=integer(parts.get(1, 0)),
        message=shortened(text(parts[2]), _LONGEST_MESSAGE) if 2 in parts else "",
    )


def _keyed(entry: Value) -> tuple[str, Value]:
    """Return the key of an entry of a map by text, and its value, which is a message."""
    key, value = "", memoryview(b"")
    for number, part in submessage(entry):
        if number == 1:
            key = text(part)[:LONGEST_ID]
        elif number == 2 and isinstance(part, memoryview):
            value = part
    return key, value


def _attestations(result: Value) -> tuple[Blob, ...]:
    return tuple([_descriptor(part) for number, part in submessage(result) if number == 2][:_MOST])


def _results(result: Value) -> dict[int, Blob]:
    """Return the exporters' results by number; an old daemon reports only the first."""
    blobs: dict[int, Blob] = {}
    for number, part in submessage(result):
        if number == 1:
            blobs.setdefault(0, _descriptor(part))
        elif number == 3 and len(blobs) < _MOST:
            entry = dict(submessage(part))
            blobs[integer(entry.get(1, 0))] = _descriptor(entry.get(2, memoryview(b"")))
    return blobs


def _blob(of: dict[int, list[Value]], number: int) -> Blob | None:
    return _descriptor(of[number][-1]) if number in of else None


def _descriptor(value: Value) -> Blob:
    parts = list(submessage(value))
    of = dict(parts)
    return Blob(
        media_type=text(of[1])[:LONGEST_ID] if 1 in of else "",
        digest=text(of[2])[:LONGEST_ID] if 2 in of else "",
        size=integer(of.get(3, 0)),
        annotations=_map([part for number, part in parts if number == 5][:_MOST]),
    )


def _map(entries: Iterable[Value]) -> dict[str, str]:
    pairs = map(map_entry, entries)
    return {key[:LONGEST_ID]: shortened(value, _LONGEST_VALUE) for key, value in pairs}


def _text(of: dict[int, list[Value]], number: int) -> str:
    return text(of[number][-1]) if number in of else ""


def _integer(of: dict[int, list[Value]], number: int) -> int:
    return integer(of[number][-1]) if number in of else 0


def _time(of: dict[int, list[Value]], number: int) -> int | None:
    if number not in of:
        return None
    parts = dict(submessage(of[number][-1]))
    return integer(parts.get(1, 0)) * 1_000_000_000 + integer(parts.get(2, 0))
