"""The trace of a build, as buildkitd keeps it (the spans of OpenTelemetry's SDK for Go, one JSON object after
the other), and as OTLP has it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from router.model.frozen import field, frozen
from router.redaction import without_passwords
from router.untrusted_json import elements, integer, member, read_json, text

__all__ = ["RecordedSpan", "as_otlp", "parse_spans"]

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NONE = re.compile("0*", re.ASCII)
# Codes of a status: Go's SDK has 1 for an error and 2 for ok, OTLP the other way round.
_STATUS = {0: 0, 1: 2, 2: 1}


@frozen
class RecordedSpan:
    """One span; times are nanoseconds since the epoch. ``parent`` is empty for a root. ``error`` is what its
    status says, where that is an error; ``source`` is the span as the daemon has it."""

    trace: str
    id: str
    parent: str
    name: str
    start: int
    end: int
    error: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)


def parse_spans(blob: bytes) -> tuple[RecordedSpan, ...]:
    """Return the spans of a trace, by the time at which they began. Raises ``NotJSONError``."""
    # Go's encoder indents all of an object but its first and its last line.
    listed = re.sub(r"^}\s*^{", "},{", str(blob, "utf-8", "replace"), flags=re.MULTILINE)
    return tuple(sorted(map(_span, elements(read_json(f"[{listed}]"))), key=lambda span: span.start))


def _span(source: object) -> RecordedSpan:
    parent = text(source, "Parent", "SpanID")
    failed = integer(source, "Status", "Code") == 1
    return RecordedSpan(
        trace=text(source, "SpanContext", "TraceID"),
        id=text(source, "SpanContext", "SpanID"),
        parent="" if _NONE.fullmatch(parent) else parent,
        name=without_passwords(text(source, "Name")),
        start=_nanoseconds(text(source, "StartTime")),
        end=_nanoseconds(text(source, "EndTime")),
        error=(text(source, "Status", "Description") or "error") if failed else "",
        source=source if isinstance(source, dict) else {},
    )


def _nanoseconds(time: str) -> int:
    """Return a time of RFC 3339 in nanoseconds since the epoch, 0 for anything else."""
    found = _TIME.fullmatch(time)
    if not found:
        return 0
    seconds, fraction, zone = found.groups()
    try:
        whole = datetime.fromisoformat(seconds + ("+00:00" if zone == "Z" else zone))
    except ValueError:
        return 0
    return int(whole.timestamp()) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


def as_otlp(spans: Sequence[RecordedSpan]) -> dict[str, object]:
    """Return a trace as OTLP's JSON has it, which Jaeger and the OpenTelemetry Collector read.

    https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
    """
    resources: dict[str, list[RecordedSpan]] = {}
    for span in spans:
        resources.setdefault(repr(span.source.get("Resource")), []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(of_one[0].source.get("Resource"))},
                "scopeSpans": [{"scope": {"name": "buildkitd"}, "spans": [_otlp(span) for span in of_one]}],
            }
            for of_one in resources.values()
        ]
    }


def _otlp(span: RecordedSpan) -> dict[str, object]:
    source = span.source
    events = [
        {
            "name": text(event, "Name"),
            "timeUnixNano": str(_nanoseconds(text(event, "Time"))),
            "attributes": _attributes(member(event, "Attributes")),
        }
        for event in elements(source, "Events")
    ]
    code = _STATUS.get(integer(source, "Status", "Code") or 0, 0)
    return {
        "traceId": span.trace,
        "spanId": span.id,
        "parentSpanId": span.parent,
        "name": span.name,
        "kind": integer(source, "SpanKind") or 0,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(source.get("Attributes")),
        "events": events,
        "status": {"code": code, "message": text(source, "Status", "Description")},
    }


def _attributes(listed: object) -> list[dict[str, object]]:
    return [
        {
            "key": text(each, "Key"),
            "value": _value(text(each, "Value", "Type"), member(each, "Value", "Value")),
        }
        for each in elements(listed)
    ]


def _value(kind: str, value: object) -> dict[str, object]:
    if kind.endswith("SLICE") and isinstance(value, list):
        return {"arrayValue": {"values": [_value(kind.removesuffix("SLICE"), each) for each in value]}}
    match kind:
        case "BOOL":
            return {"boolValue": value}
        case "INT64":
            return {"intValue": str(value)}
        case "FLOAT64":
            return {"doubleValue": value}
        case _:
            return {"stringValue": value if isinstance(value, str) else repr(value)}
