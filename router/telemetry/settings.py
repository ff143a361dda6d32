"""The variables of OpenTelemetry that decide what is kept: which signals, by which protocol. Pure.

As in BuildKit, a signal is on where an endpoint of OTLP is named, or its exporter is. All else (headers,
certificates, samplers, resources) the SDK reads by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, cast

from router.model.frozen import frozen
from router.notation.quoting import quoted

__all__ = ["Protocol", "Settings", "read_settings"]

Protocol = Literal["http/protobuf", "grpc"]

_TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
_PROTOCOLS = ("http/protobuf", "grpc")
# https://www.w3.org/TR/trace-context/#traceparent-header: neither id is zero, and version ff is none.
_PARENT = r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_STATE = r"[\x20-\x7e]{1,512}"


@frozen
class Settings:
    """``traces`` and ``metrics`` are how each is exported, None where it is not.

    ``cumulative`` is how metrics add up over builds: by themselves, or (delta) in the collector.
    ``asked_by`` is the variable that asks for it. ``parent`` are the headers of the trace that the
    environment names, none where it names none. ``problems`` are sentences about what counts for nothing.
    """

    traces: Protocol | None = None
    metrics: Protocol | None = None
    cumulative: bool = False
    asked_by: str = ""
    parent: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether anything is to be exported."""
        return self.traces is not None or self.metrics is not None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings in the variables."""
    problems: list[str] = []
    parent = _parent(environment, problems)
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Settings(parent=parent, problems=tuple(problems))
    asked = {signal: _asked_by(signal, environment, problems) for signal in ("TRACES", "METRICS")}
    protocols = {
        signal: _protocol(signal, environment, problems) if by else None for signal, by in asked.items()
    }
    return Settings(
        traces=protocols["TRACES"],
        metrics=protocols["METRICS"],
        cumulative=environment.get(_TEMPORALITY, "").strip().lower() == "cumulative",
        asked_by=asked["TRACES"] or asked["METRICS"],
        parent=parent,
        problems=tuple(dict.fromkeys(problems)),
    )


def _asked_by(signal: str, environment: Mapping[str, str], problems: list[str]) -> str:
    """Return the variable that asks for a signal, empty where none does."""
    chosen = f"OTEL_{signal}_EXPORTER"
    exporters = [part.strip() for part in environment.get(chosen, "").split(",") if part.strip()]
    if exporters:
        if "otlp" in exporters:
            return chosen
        if exporters != ["none"]:
            problems.append(f"{chosen} names {', '.join(exporters)}; the exporters here are otlp and none")
        return ""
    endpoints = (f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return next((name for name in endpoints if environment.get(name)), "")


def _protocol(signal: str, environment: Mapping[str, str], problems: list[str]) -> Protocol | None:
    for name in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if given := environment.get(name, "").strip():
            if given in _PROTOCOLS:
                return cast("Protocol", given)
            problems.append(f"{name} is {quoted(given)}; the protocols here are {' and '.join(_PROTOCOLS)}")
            return None
    return "http/protobuf"


def _parent(environment: Mapping[str, str], problems: list[str]) -> tuple[tuple[str, str], ...]:
    parent, state = environment.get("TRACEPARENT", ""), environment.get("TRACESTATE", "")
    if not parent:
        return ()
    if not re.fullmatch(_PARENT, parent):
        problems.append("TRACEPARENT is not a W3C trace context; a trace of its own is begun")
        return ()
    if not re.fullmatch(_STATE, state):
        return (("traceparent", parent),)
    return (("traceparent", parent), ("tracestate", state))
