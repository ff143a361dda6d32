"""The measures of a span that has ended. Pure: ``instruments`` does the counting.

Labels have few values each, so that a fleet's builds make few series: no key, image or reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from router.model.frozen import frozen
from router.tracing import Attribute

__all__ = ["INSTRUMENTS", "Ended", "Instrument", "Measure", "measures"]


@frozen
class Instrument:
    """What a number is of."""

    kind: Literal["counter", "histogram"]
    unit: str
    text: str


INSTRUMENTS: Mapping[str, Instrument] = {
    "warmroute.builds": Instrument(
        kind="counter", unit="{build}", text="Builds that have ended, by result, warmth and place"
    ),
    "warmroute.build.duration": Instrument(
        kind="histogram", unit="s", text="Seconds from the search for a daemon to the end of a build"
    ),
    "warmroute.build.steps": Instrument(
        kind="counter", unit="{step}", text="Steps of builds that succeeded, cached or not"
    ),
    "warmroute.attempts": Instrument(
        kind="counter", unit="{attempt}", text="Attempts to build on a daemon, by outcome"
    ),
    "warmroute.transfer.size": Instrument(
        kind="counter", unit="By", text="Bytes of contexts sent and of results received"
    ),
}


@frozen
class Ended:
    """A span that has ended: ``error`` is the reason of what ended it, empty for a good end."""

    name: str
    attributes: Mapping[str, Attribute]
    seconds: float
    error: str = ""


@frozen
class Measure:
    """A number for an instrument, with the labels that it counts under."""

    instrument: str
    value: float
    labels: Mapping[str, str]


def measures(span: Ended) -> Iterator[Measure]:
    """Yield the measures that a span adds to the metrics."""
    if span.name == "build":
        yield from _of_build(span)
    elif span.name == "attempt":
        labels = {
            "outcome": _outcome(span),
            "home": _home(span.attributes),
            "daemon": str(span.attributes.get("warmroute.daemon", "")),
        }
        yield Measure(instrument="warmroute.attempts", value=1, labels=labels)
    else:
        for direction in ("sent", "received"):
            size = _number(span.attributes, f"warmroute.transfer.{direction}")
            if size:
                yield Measure(
                    instrument="warmroute.transfer.size", value=size, labels={"direction": direction}
                )


def _outcome(span: Ended) -> str:
    """Say what an attempt means for the next one; after a build that failed by itself there is none."""
    fault = str(span.attributes.get("warmroute.fault", "final"))
    return "ok" if not span.error else "failed" if fault == "final" else fault


def _of_build(span: Ended) -> Iterator[Measure]:
    steps = _number(span.attributes, "warmroute.steps")
    cached = _number(span.attributes, "warmroute.steps.cached")
    result = {"result": span.error or "ok"}
    warmth = {"warmth": _warmth(steps, cached)}
    place = {"home": _home(span.attributes)}
    yield Measure(instrument="warmroute.builds", value=1, labels=result | warmth | place)
    yield Measure(instrument="warmroute.build.duration", value=span.seconds, labels=result | warmth)
    for label, count in (("true", cached), ("false", steps - cached)):
        if count:
            yield Measure(instrument="warmroute.build.steps", value=count, labels={"cached": label})


def _warmth(steps: int, cached: int) -> str:
    """Say how much of a build was cached; it is unknown for a failed build or one without steps."""
    if not steps:
        return "unknown"
    return "warm" if cached == steps else "partial" if cached else "cold"


def _home(attributes: Mapping[str, Attribute]) -> str:
    """Say whether a daemon is the key's home, empty where no daemon was found."""
    place = _number(attributes, "warmroute.place")
    return "" if "warmroute.place" not in attributes else "true" if place == 1 else "false"


def _number(attributes: Mapping[str, Attribute], name: str) -> int:
    value = attributes.get(name, 0)
    return value if isinstance(value, int) else 0
