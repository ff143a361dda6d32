"""Metrics counted with the OpenTelemetry SDK.

A build is a process, so each exports what it has counted since it began (delta, as BuildKit does); the
collector adds them up.
"""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
)
from opentelemetry.sdk.resources import Resource

from router.telemetry.measures import INSTRUMENTS, Ended, measures

__all__ = ["Instruments"]

# Seconds; the SDK's own are made for milliseconds.
_DURATIONS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Instruments:
    """Counts spans that end."""

    def __init__(self, resource: Resource, *, cumulative: bool) -> None:
        temporality = AggregationTemporality.CUMULATIVE if cumulative else AggregationTemporality.DELTA
        self._reader = InMemoryMetricReader(dict.fromkeys((Counter, Histogram), temporality))
        provider = MeterProvider([self._reader], resource, shutdown_on_exit=False)
        meter = provider.get_meter("warmroute")
        self._add: dict[str, Callable[..., None]] = {
            name: meter.create_counter(name, each.unit, each.text).add
            if each.kind == "counter"
            else meter.create_histogram(
                name, each.unit, each.text, explicit_bucket_boundaries_advisory=_DURATIONS
            ).record
            for name, each in INSTRUMENTS.items()
        }

    def count(self, span: Ended) -> None:
        """Count a span that has ended."""
        for measure in measures(span):
            self._add[measure.instrument](measure.value, measure.labels)

    def export(self, exporter: MetricExporter) -> bool:
        """Export what was counted; say whether it was taken."""
        counted = self._reader.get_metrics_data()
        return counted is None or exporter.export(counted) is MetricExportResult.SUCCESS
