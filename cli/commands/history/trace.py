"""`warmroute history trace`: where the time of a build went, as its daemon recorded it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import router as library
from cli.commands.history.finding import Ref, found_build
from cli.options import ChosenDaemons, FleetRouting, FormatDisplay
from cli.render.cells import fit
from cli.render.foreign import printable
from cli.render.table import room_on_stdout
from cli.render.units import NANOSECONDS

if TYPE_CHECKING:
    from router import RecordedSpan

__all__ = ["command", "span_lines"]

# Levels that are told apart; deeper ones stand in one column.
_DEEPEST = 20


def command(build: Ref, routing: FleetRouting, chosen: ChosenDaemons, display: FormatDisplay) -> None:
    """Show the spans of a build that is over; json is OTLP, for Jaeger or a collector."""
    with found_build(routing, chosen, build.ref) as (found, dial, _):
        spans = library.read_trace(found, dial)
        as_json = display.format == "json"
        text = json.dumps(library.as_otlp(spans), indent=2) if as_json else "\n".join(span_lines(spans))
        sys.stdout.write(f"{text}\n")


def span_lines(spans: Sequence[RecordedSpan]) -> Iterator[str]:
    """Yield a line for each span, below the one that it is part of."""
    room = room_on_stdout()
    yield f"{'START':>9}  {'DURATION':>9}  SPAN"
    began = min((span.start for span in spans), default=0)
    for span, depth in _tree(spans):
        start, took = (span.start - began) / NANOSECONDS, max(span.end - span.start, 0) / NANOSECONDS
        failed = f" (error: {span.error})" if span.error else ""
        line = f"{start:8.3f}s  {took:8.3f}s  {'  ' * min(depth, _DEEPEST)}{printable(span.name + failed)}"
        yield line if room is None else fit(line, room)


def _tree(spans: Sequence[RecordedSpan]) -> Iterator[tuple[RecordedSpan, int]]:
    """Yield each span once with its depth; one whose parent isn't there is a root."""
    known = {span.id for span in spans} - {""}
    parts: dict[str, list[int]] = {}
    for number, span in enumerate(spans):
        parts.setdefault(span.parent if span.parent in known else "", []).append(number)
    left = dict.fromkeys(range(len(spans)))
    # Behind the roots: what remains of spans that are parts of each other.
    for root in (*parts.get("", ()), *range(len(spans))):
        waiting = [(root, 0)]
        while waiting:
            number, depth = waiting.pop()
            if number in left:
                del left[number]
                yield spans[number], depth
                waiting += [(each, depth + 1) for each in reversed(parts.get(spans[number].id or "-", ()))]
