"""Which variables of OpenTelemetry ask for what."""

from __future__ import annotations

import pytest

from router.telemetry.settings import Settings, read_settings

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_BOTH = Settings(traces="http/protobuf", metrics="http/protobuf", asked_by=_ENDPOINT)
_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("environment", "settings"),
    [
        ({}, Settings()),
        ({"OTEL_SERVICE_NAME": "ci", "OTEL_PROPAGATORS": "b3"}, Settings()),
        ({_ENDPOINT: ""}, Settings()),
        ({_ENDPOINT: "http://c:4318"}, _BOTH),
        ({_ENDPOINT: "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"}, Settings()),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"},
            Settings(traces="http/protobuf", asked_by="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        ),
        (
            {"OTEL_METRICS_EXPORTER": "otlp"},
            Settings(metrics="http/protobuf", asked_by="OTEL_METRICS_EXPORTER"),
        ),
        (
            {_ENDPOINT: "http://c:4318", "OTEL_METRICS_EXPORTER": "none"},
            Settings(traces="http/protobuf", asked_by=_ENDPOINT),
        ),
        (
            {_ENDPOINT: "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            Settings(traces="grpc", metrics="grpc", asked_by=_ENDPOINT),
        ),
        (
            {
                _ENDPOINT: "http://c:4317",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
            },
            Settings(traces="grpc", metrics="http/protobuf", asked_by=_ENDPOINT),
        ),
        (
            {_ENDPOINT: "http://c", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "cumulative"},
            Settings(traces="http/protobuf", metrics="http/protobuf", cumulative=True, asked_by=_ENDPOINT),
        ),
        ({"OTEL_TRACES_EXPORTER": "console, otlp", "OTEL_METRICS_EXPORTER": "none"}, None),
    ],
)
def test_a_signal_is_on_where_its_endpoint_or_exporter_is_named(
    environment: dict[str, str], settings: Settings | None
) -> None:
    if settings is None:
        settings = Settings(traces="http/protobuf", asked_by="OTEL_TRACES_EXPORTER")
    assert read_settings(environment) == settings


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "zipkin"),
        ({_ENDPOINT: "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "http/json"),
        ({"TRACEPARENT": "nonsense"}, "TRACEPARENT"),
    ],
)
def test_what_counts_for_nothing_is_a_problem(environment: dict[str, str], word: str) -> None:
    settings = read_settings(environment)

    assert not settings.wanted
    assert word in settings.problems[0]


@pytest.mark.parametrize(
    ("parent", "state", "headers"),
    [
        (_TRACEPARENT, "", (("traceparent", _TRACEPARENT),)),
        (_TRACEPARENT, "a=b", (("traceparent", _TRACEPARENT), ("tracestate", "a=b"))),
        (_TRACEPARENT, "a=b\r\nx: y", (("traceparent", _TRACEPARENT),)),
        (_TRACEPARENT.upper(), "", ()),
        (f"{_TRACEPARENT}\n", "", ()),
        (f"ff{_TRACEPARENT[2:]}", "", ()),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", "", ()),
        (f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01", "", ()),
        ("", "a=b", ()),
    ],
)
def test_only_a_whole_trace_context_is_passed_on(
    parent: str, state: str, headers: tuple[tuple[str, str], ...]
) -> None:
    assert read_settings({"TRACEPARENT": parent, "TRACESTATE": state}).parent == headers


def test_a_trace_is_passed_on_though_nothing_is_exported() -> None:
    environment = {"TRACEPARENT": _TRACEPARENT, "OTEL_SDK_DISABLED": "true", _ENDPOINT: "http://c"}

    assert read_settings(environment).parent == (("traceparent", _TRACEPARENT),)
