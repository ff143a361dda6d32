"""The record's counts in Prometheus' text format, version 0.0.4. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate

from router.serving.watching.watched import BUCKETS, Counts

__all__ = ["CONTENT_TYPE", "metrics_text"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_RESULTS = ("completed", "failed", "canceled", "lost", "unplaced")
_Samples = Mapping[str, float]


def metrics_text(counts: Counts) -> str:
    """Return the text. Its labels are constants: it contains no text from clients."""
    return "\n".join([*_lines(counts), ""])


def _lines(counts: Counts) -> Iterator[str]:
    yield from _metric(
        "builds_total",
        "counter",
        "Finished builds, by result.",
        {f'{{result="{result}"}}': counts.results.get(result, 0) for result in _RESULTS},
    )
    yield from _metric("in_flight", "gauge", "Builds in progress on a daemon.", {"": counts.building})
    yield from _metric("queue", "gauge", "Builds that wait for a daemon.", {"": counts.waiting})
    yield from _metric(
        "spills_total", "counter", "Builds away from home because home was full.", {"": counts.spills}
    )
    yield from _metric(
        "failovers_total",
        "counter",
        "Builds away from home because of a fault at home.",
        {"": counts.failovers},
    )
    yield from _metric(
        "retries_total",
        "counter",
        "Builds started again because their daemon was lost.",
        {"": counts.retries},
    )
    yield from _metric(
        "home_unfit_total",
        "counter",
        "Builds away from home because home was not ready, cordoned or of another platform.",
        {"": counts.unfit},
    )
    yield from _metric(
        "steps_total",
        "counter",
        "Steps of successful builds, as counted in their daemons' histories.",
        {'{cached="true"}': counts.cached, '{cached="false"}': max(counts.steps - counts.cached, 0)},
    )
    sums = tuple(accumulate(counts.buckets))
    bounds = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]
    samples: dict[str, float] = {
        f'_bucket{{le="{bound}"}}': number for bound, number in zip(bounds, sums, strict=True)
    }
    yield from _metric(
        "build_seconds",
        "histogram",
        "Duration of successful builds in seconds, including the search for a daemon.",
        {**samples, "_sum": counts.seconds, "_count": sums[-1]},
    )


def _metric(name: str, kind: str, told: str, samples: _Samples) -> Iterator[str]:
    name = f"warmroute_serve_{name}"
    yield f"# HELP {name} {told}"
    yield f"# TYPE {name} {kind}"
    for rest, value in samples.items():
        yield f"{name}{rest} {value!r}"
