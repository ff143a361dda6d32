"""What has waited for the builds' end is exported: by which exporter, and for how long at most.

Whatever becomes of it, no build fails, and nothing is printed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter

from router.redaction import redacted
from router.telemetry.settings import Protocol

__all__ = ["FLUSH", "flush", "metric_exporter", "span_exporter"]

FLUSH = 2.0
"""Seconds that the end of the process waits for what takes the export."""


def span_exporter(protocol: Protocol) -> SpanExporter:
    """Return the exporter of traces. Raises ImportError where its package is missing."""
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc

        return grpc.OTLPSpanExporter(timeout=FLUSH)
    from opentelemetry.exporter.otlp.proto.http import trace_exporter as http

    return http.OTLPSpanExporter(timeout=FLUSH)


def metric_exporter(protocol: Protocol) -> MetricExporter:
    """Return the exporter of metrics. Raises ImportError where its package is missing."""
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc

        return grpc.OTLPMetricExporter(timeout=FLUSH)
    from opentelemetry.exporter.otlp.proto.http import metric_exporter as http

    return http.OTLPMetricExporter(timeout=FLUSH)


def flush(exports: Mapping[str, Callable[[], bool]], seconds: float) -> Sequence[str]:
    """Run each export beside the others; return a sentence about each that was not taken in time."""
    said = _FirstWords()
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(said)
    try:
        return list(_flush(exports, seconds, said))
    finally:
        logger.removeHandler(said)


def _flush(exports: Mapping[str, Callable[[], bool]], seconds: float, said: _FirstWords) -> Iterator[str]:
    ends = time.monotonic() + seconds
    threads = {signal: _Export(export, name=f"otel {signal}") for signal, export in exports.items()}
    for thread in threads.values():
        thread.start()
    for signal, thread in threads.items():
        thread.join(max(ends - time.monotonic(), 0.0))
        if thread.is_alive():
            yield f"the {signal} could not be exported within {seconds:g} s"
        elif thread.failed:
            yield f"the {signal} could not be exported: {said.text or 'the exporter gives no reason'}"


class _FirstWords(logging.Handler):
    """Keeps what an exporter says first about its failure, which is the cause."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if not self.text:
            (self.text,) = redacted([record.getMessage()])


class _Export(threading.Thread):
    """One signal on its way; a daemon thread, so that the process can end without it."""

    def __init__(self, export: Callable[[], bool], *, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.failed = False
        self._export = export

    def run(self) -> None:
        try:
            self.failed = not self._export()
        except Exception:  # noqa: BLE001 - of others' code, about what no build depends on
            self.failed = True
