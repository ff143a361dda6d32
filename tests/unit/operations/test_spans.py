"""The trace of a build, read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.operations.spans import as_otlp, parse_spans
from router.untrusted_json import NotJSONError

TRACE = "71ae062b730ca02a37a88668898737a7"


def span(name: str, start: str, *, parent: str = "0000000000000000", **more: object) -> dict[str, object]:
    return {
        "Name": name,
        "SpanContext": {"TraceID": TRACE, "SpanID": f"id of {name}"},
        "Parent": {"TraceID": TRACE, "SpanID": parent},
        "SpanKind": 1,
        "StartTime": start,
        "EndTime": "2026-11-27T21:05:51Z",
        **more,
    }


def blob(*spans: dict[str, object]) -> bytes:
    return "".join(f"{json.dumps(each, indent=2)}\n" for each in spans).encode()


def test_spans_are_read_one_after_the_other_and_sorted_by_time() -> None:
    later = span("b", "2026-11-27T21:05:50.5Z", parent="id of a", Status={"Code": 1, "Description": "x"})
    first, second = parse_spans(blob(later, span("a", "2026-11-27T22:05:50.000000007+01:00")))

    assert (first.name, first.parent, first.start % 10**9, first.error) == ("a", "", 7, "")
    assert (second.name, second.parent, second.error) == ("b", "id of a", "x")
    assert second.start - first.start == 499_999_993
    assert second.end - second.start == 500_000_000


def test_one_span_and_none_are_traces_too() -> None:
    assert [each.name for each in parse_spans(blob(span("a", "")))] == ["a"]
    assert parse_spans(b"") == ()


@pytest.mark.parametrize("text", [b"{", b"}\n{", b"\xff", b'{"a": 1}{'])
def test_what_is_no_trace_is_refused(text: bytes) -> None:
    with pytest.raises(NotJSONError):
        parse_spans(text)


def test_what_a_hostile_daemon_calls_a_span_is_one_without_anything() -> None:
    (found,) = parse_spans(b'{"Name": 5, "SpanContext": [], "StartTime": "9999-99-99T99:99:99Z"}')
    assert (found.name, found.id, found.start) == ("", "", 0)


def test_a_trace_is_written_as_otlp() -> None:
    attributes = [
        {"Key": "text", "Value": {"Type": "STRING", "Value": "a"}},
        {"Key": "count", "Value": {"Type": "INT64", "Value": 5}},
        {"Key": "yes", "Value": {"Type": "BOOL", "Value": True}},
        {"Key": "list", "Value": {"Type": "STRINGSLICE", "Value": ["a", "b"]}},
    ]
    resource = [{"Key": "service.name", "Value": {"Type": "STRING", "Value": "buildkitd"}}]
    event = {"Name": "happened", "Time": "2026-11-27T21:05:50Z", "Attributes": []}
    source = span(
        "a",
        "2026-11-27T21:05:50Z",
        Attributes=attributes,
        Resource=resource,
        Events=[event],
        Status={"Code": 1, "Description": "failed"},
    )

    written_trace: Any = as_otlp(parse_spans(blob(source)))
    (of_resource,) = written_trace["resourceSpans"]
    (written,) = of_resource["scopeSpans"][0]["spans"]

    assert of_resource["resource"]["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "buildkitd"}}
    ]
    assert written["traceId"] == TRACE
    assert (written["spanId"], written["parentSpanId"], written["kind"]) == ("id of a", "", 1)
    assert written["startTimeUnixNano"] == str(1_795_813_550 * 10**9)
    assert written["status"] == {"code": 2, "message": "failed"}
    assert [each["value"] for each in written["attributes"]] == [
        {"stringValue": "a"},
        {"intValue": "5"},
        {"boolValue": True},
        {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}},
    ]
    assert written["events"][0]["name"] == "happened"
