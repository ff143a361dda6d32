"""Spans of the SDK's: what they hang under, and what of a build they don't tell."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from router.errors import BuildError, BusyError, ColdError, DialError, RouterError, RpcError
from router.telemetry import open_telemetry
from router.telemetry.measures import Ended
from router.telemetry.spans import Keeper, top_span
from router.tracing import Span


class Kept:
    """A tree of spans in memory, and what was counted."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.counted: list[Ended] = []
        self.top: Span = top_span(Keeper(provider.get_tracer("test"), self.counted.append), Context())

    def parents(self) -> Mapping[str, int]:
        return {
            span.name: span.parent.span_id if span.parent else 0
            for span in self._exporter.get_finished_spans()
        }

    def only(self) -> tuple[Mapping[str, object], str | None]:
        (span,) = self._exporter.get_finished_spans()
        return dict(span.attributes or {}), span.status.description


@pytest.fixture
def kept() -> Kept:
    return Kept()


def headers(span: Span) -> dict[str, str]:
    return dict(span.headers)


def test_a_daemons_span_of_our_trace_is_a_parent_and_one_of_another_trace_is_not(kept: Kept) -> None:
    with kept.top.begin("solve") as solve:
        _, trace_id, own_id, flags = headers(solve)["traceparent"].split("-")
        theirs = f"00-{trace_id}-00000000000000aa-{flags}"
        foreign = f"00-{trace_id[::-1]}-00000000000000bb-{flags}"
        for name, parent in (("a", theirs), ("b", foreign), ("c", "nonsense")):
            solve.begin(name, {}, {"traceparent": [parent]}).end()

    assert kept.parents() == {"a": 0xAA, "b": int(own_id, 16), "c": int(own_id, 16), "solve": 0}


def test_a_value_that_looks_like_a_secret_is_masked(kept: Kept) -> None:
    kept.top.begin(
        "build",
        {
            "context": "https://me:pass@example.com/x",
            "words": ("--build-arg=TOKEN=abc", "plain"),
            "number": 3,
        },
    ).end()

    facts, _ = kept.only()
    assert facts["context"] == "https://me:****@example.com/x"
    assert facts["words"] == ("--build-arg=TOKEN=****", "plain")
    assert facts["number"] == 3


def test_a_name_that_is_no_utf8_is_told_as_far_as_it_is(kept: Kept) -> None:
    kept.top.begin("build", {"context": "/a\udcff"}).end()

    assert kept.only()[0]["context"] == "/a�"


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (DialError("a: connection refused"), "a: connection refused"),
        (DialError("https://me:pass@a refused"), "https://me:****@a refused"),
        # A daemon quotes commands, and in them the values of build arguments.
        (BuildError('process "curl -H abc" failed'), "BuildError"),
        (RpcError('process "curl -H abc" failed', code=2), "RpcError"),
        (ValueError("abc"), "ValueError"),
    ],
)
def test_the_words_of_a_failed_step_are_left_out(kept: Kept, error: Exception, description: str) -> None:
    kept.top.begin("attempt").end(error)

    facts, told = kept.only()
    assert told == description
    assert facts["error.type"] == type(error).__name__
    reason = error.reason if isinstance(error, RouterError) else type(error).__name__
    assert [each.error for each in kept.counted] == [reason]


@pytest.mark.parametrize("error", [BusyError("a is full", builds=8), ColdError("a has not built this yet")])
def test_a_daemon_that_leaves_a_build_to_another_is_no_error(kept: Kept, error: RouterError) -> None:
    kept.top.begin("attempt").end(error)

    facts, told = kept.only()
    assert told is None
    assert facts["warmroute.reason"] == error.reason
    assert [each.error for each in kept.counted] == [error.reason]


def test_where_spans_are_counted_alone_calls_carry_the_trace_that_there_is() -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    telemetry = open_telemetry({"OTEL_METRICS_EXPORTER": "otlp", "TRACEPARENT": parent})

    with telemetry.span.begin("build") as build:
        assert headers(build) == {"traceparent": parent}
        assert headers(build.begin("solve")) == {"traceparent": parent}
    assert telemetry.problems == ()


def test_a_daemon_that_is_called_by_its_address_has_no_password_in_the_metrics(kept: Kept) -> None:
    kept.top.begin("attempt", {"warmroute.daemon": "tcp://me:pass@host:1"}).end()

    assert [each.attributes["warmroute.daemon"] for each in kept.counted] == ["tcp://me:****@host:1"]


def test_a_library_hangs_under_the_span_of_its_program(monkeypatch: pytest.MonkeyPatch) -> None:
    outer = TracerProvider(shutdown_on_exit=False).get_tracer("program")
    environment = {"OTEL_TRACES_EXPORTER": "otlp", "TRACEPARENT": f"00-{'a' * 32}-{'b' * 16}-01"}
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")

    with outer.start_as_current_span("outer") as current:
        telemetry = open_telemetry(environment)

    expected = trace.format_trace_id(current.get_span_context().trace_id)
    assert headers(telemetry.span)["traceparent"].split("-")[1] == expected
