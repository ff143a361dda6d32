"""What keeps builds' spans with the OpenTelemetry SDK until they are exported.

They wait in a list until the builds are over, and are then exported at once, traces beside metrics: during a
build there is neither a thread nor a connection for them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from router.errors import CancelledError, TimeLimitError
from router.telemetry.contract import Telemetry
from router.telemetry.exporting import FLUSH, Export, flush, metric_exporter, span_exporter
from router.telemetry.measures import Ended
from router.telemetry.settings import Settings
from router.telemetry.spans import PROPAGATOR, Keeper, top_span

__all__ = ["KeptTelemetry"]

# Seconds for the export where somebody has interrupted the build.
_HURRIED_FLUSH = 0.3
# Spans of one process; a build has some ten, and one for each transfer.
_MOST_SPANS = 10_000
# Without a handler Python would print what the SDK logs.
_QUIET = logging.NullHandler()


class KeptTelemetry(Telemetry):
    """Keeps the spans of builds, and exports them when the context is left."""

    def __init__(self, settings: Settings) -> None:
        logging.getLogger("opentelemetry").addHandler(_QUIET)
        self._exports: dict[str, Export] = {}
        resource = _resource()
        keep = _Keep()
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        if settings.traces is not None:
            spans = span_exporter(settings.traces)
            provider.add_span_processor(keep)
            self._exports["trace"] = Export(lambda: keep.export(spans), spans.shutdown)
        count: Callable[[Ended], None] = _count_nothing
        if settings.metrics is not None:
            from router.telemetry.instruments import Instruments

            instruments = Instruments(resource, cumulative=settings.cumulative)
            metrics = metric_exporter(settings.metrics)
            self._exports["metrics"] = Export(lambda: instruments.export(metrics), metrics.shutdown)
            count = instruments.count
        passed_on = settings.parent if settings.traces is None else None
        keeper = Keeper(provider.get_tracer("warmroute"), count, passed_on)
        super().__init__(top_span(keeper, _parent(settings)), settings.problems)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        hurried = isinstance(error, CancelledError | TimeLimitError | KeyboardInterrupt)
        unexported = flush(self._exports, _HURRIED_FLUSH if hurried else FLUSH)
        self.problems = (*self.problems, *unexported)
        self._exports = {}


class _Keep(SpanProcessor):
    """The spans that have ended and are to be exported."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled and len(self._spans) < _MOST_SPANS:
            self._spans.append(span)

    def export(self, exporter: SpanExporter) -> bool:
        """Export them; say whether they were taken."""
        return not self._spans or exporter.export(self._spans) is SpanExportResult.SUCCESS


def _parent(settings: Settings) -> Context:
    """Return what spans hang under: a current span of the program around us, or what variables name."""
    current = trace.get_current_span()
    if current.get_span_context().is_valid:
        return trace.set_span_in_context(current)
    return PROPAGATOR.extract(dict(settings.parent))


def _count_nothing(_span: Ended) -> None:
    """Do nothing: no metrics are asked for."""


def _resource() -> Resource:
    """Return what is said of the program. An id for each process would make a series of each build."""
    given = OTELResourceDetector().detect().attributes
    found = {**Resource.create().attributes, SERVICE_NAME: "warmroute", **given}
    if "service.instance.id" not in given:
        found.pop("service.instance.id", None)
    return Resource(found)
