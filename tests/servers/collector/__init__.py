"""A running OpenTelemetry Collector, and what it has got.

Its traces lie in a file as OTLP in JSON, a request a line; its metrics are there for Prometheus to scrape.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import binaries
from tests.servers.ports import free_port, tcp_listens
from tests.servers.process import ManagedProcess

__all__ = ["Collector", "Span", "started_collector"]


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span as the collector got it; ``status`` is 2 for an error."""

    id: str
    parent: str
    trace: str
    service: str
    name: str
    kind: int
    status: int
    message: str
    attributes: Mapping[str, Any]


class Collector:
    """A collector that runs, and what it has got."""

    def __init__(self, process: ManagedProcess, folder: Path, ports: tuple[int, int, int]) -> None:
        self.process = process
        self._traces = folder / "traces.json"
        self._grpc, self._http, self._prometheus = ports

    @property
    def http(self) -> str:
        """The endpoint for OTLP over HTTP."""
        return f"http://127.0.0.1:{self._http}"

    @property
    def grpc(self) -> str:
        """The endpoint for OTLP over gRPC."""
        return f"http://127.0.0.1:{self._grpc}"

    @property
    def text(self) -> str:
        """All traces, as they lie in the file."""
        return self._traces.read_text() if self._traces.exists() else ""

    def spans(self, trace: str) -> list[Span]:
        """Return the spans of a trace so far."""
        requests = (json.loads(line) for line in self.text.splitlines() if line.endswith("}"))
        found = (span for request in requests for span in _spans(request))
        return [span for span in found if span.trace == trace]

    def metrics(self) -> str:
        """Return the metrics as Prometheus scrapes them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._prometheus}/metrics", timeout=10) as answer:
            return str(answer.read().decode())


def _spans(request: Mapping[str, Any]) -> Iterator[Span]:
    for resource in request["resourceSpans"]:
        about = _attributes(resource["resource"])
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield Span(
                    id=span["spanId"],
                    parent=span.get("parentSpanId", ""),
                    trace=span["traceId"],
                    service=str(about["service.name"]),
                    name=span["name"],
                    kind=span["kind"],
                    status=span.get("status", {}).get("code", 0),
                    message=span.get("status", {}).get("message", ""),
                    attributes=_attributes(span),
                )


def _attributes(owner: Mapping[str, Any]) -> Mapping[str, Any]:
    return {each["key"]: _value(each["value"]) for each in owner.get("attributes", [])}


def _value(packed: Mapping[str, Any]) -> Any:
    ((kind, value),) = packed.items()
    if kind == "arrayValue":
        return [_value(each) for each in value.get("values", [])]
    return int(value) if kind == "intValue" else value


@contextmanager
def started_collector(folder: Path) -> Iterator[Collector]:
    """Run a collector that keeps its files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = free_port(), free_port(), free_port()
    config = {
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"127.0.0.1:{ports[0]}"},
                    "http": {"endpoint": f"127.0.0.1:{ports[1]}"},
                }
            }
        },
        "processors": {"delta_to_cumulative": {}},
        "exporters": {
            "file": {"path": str(folder / "traces.json"), "flush_interval": "50ms"},
            "prometheus": {"endpoint": f"127.0.0.1:{ports[2]}"},
        },
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {
                "traces": {"receivers": ["otlp"], "exporters": ["file"]},
                "metrics": {
                    "receivers": ["otlp"],
                    "processors": ["delta_to_cumulative"],
                    "exporters": ["prometheus"],
                },
            },
        },
    }
    file = folder / "config.yaml"
    file.write_text(json.dumps(config))  # which is YAML as well
    with ManagedProcess([binaries.collector(), "--config", file], log=folder / "collector.log") as process:
        process.wait_until(lambda: all(map(tcp_listens, ports)), within=60)
        yield Collector(process, folder, ports)
