"""What has waited for the builds' end is exported: by which exporter, and for how long at most.

Whatever becomes of it, no build fails, and nothing is printed.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter

from router.bounds import shortened
from router.redaction import redacted
from router.telemetry.settings import Protocol

__all__ = ["FLUSH", "Export", "flush", "metric_exporter", "span_exporter"]

FLUSH = 2.0
"""Seconds that the end of the process waits for the export."""

_LONGEST_CAUSE = 300


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


class Export:
    """A signal that is to be exported. ``send`` says whether it was taken; ``give_up`` has it try no more."""

    def __init__(self, send: Callable[[], bool], give_up: Callable[[], None]) -> None:
        self.send = send
        self.give_up = give_up


def flush(exports: Mapping[str, Export], seconds: float) -> Sequence[str]:
    """Run each export beside the others; return a sentence about each that was not taken in time."""
    threads = [_Thread(signal, export) for signal, export in exports.items()]
    ear = _Ear(logging.WARNING)
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(ear)
    try:
        ends = time.monotonic() + seconds
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(ends - time.monotonic(), 0.0))
    finally:
        logger.removeHandler(ear)
    return [
        f"the {thread.signal} could not be exported{why}"
        for thread in threads
        if (why := f" within {seconds:g} s" if thread.is_alive() else thread.why)
    ]


class _Thread(threading.Thread):
    """One signal on its way; a daemon thread, so that the process can end without it. ``why`` it failed."""

    def __init__(self, signal: str, export: Export) -> None:
        super().__init__(name=f"otel {signal}", daemon=True)
        self.signal = signal
        self.why = ""
        self._export = export

    def run(self) -> None:
        try:
            taken = self._export.send()
        except Exception as exc:  # noqa: BLE001 - of others' code, about what no build depends on
            self.hear(type(exc).__name__)
        else:
            self.why = "" if taken else self.why or ": the exporter gives no reason"

    def hear(self, text: str) -> None:
        """Take what the exporter says about a fault: the first is the cause, and there is no second try.

        The exporter would wait a second before that, with nobody listening as likely as not.
        """
        if not self.why:
            self.why = f": {_cause(text)}"
            self._export.give_up()


class _Ear(logging.Handler):
    """Hears what exporters log, each in its thread."""

    def emit(self, record: logging.LogRecord) -> None:
        thread = threading.current_thread()
        if isinstance(thread, _Thread) and record.name.startswith("opentelemetry.exporter."):
            thread.hear(record.getMessage())


def _cause(text: str) -> str:
    """Return the cause of a fault, out of the log of an exporter and the libraries below it."""
    if "BadStatusLine" in text:
        return "the answer is not HTTP/1; for gRPC set OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
    for known in (r"\[Errno -?\d+\] ([\w ]+)", r"\[SSL: \w+\] ([\w ]+)", r"remote host: ([\w ]+)"):
        if found := re.search(known, text):
            return found[1].strip().lower()
    said = re.search(r"(?s)reason: (.+)|Transient error (.+) encountered", text)
    (cause,) = redacted([text if said is None else said[1] or said[2]])
    return shortened(cause, _LONGEST_CAUSE)
