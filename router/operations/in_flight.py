"""The builds in flight of a fleet, each with the step it is at."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from router.bounds import MOST_STEPS, put, shortened
from router.errors import DialError
from router.model.daemon import Daemon
from router.model.events import SolveStatus, Vertex
from router.model.frozen import frozen, replace
from router.model.record import BuildRecord
from router.operations.each import Answer, ask_each
from router.operations.records import RecordQuery, read_records
from router.solve.control import Control
from router.transport.options import DialOptions

__all__ = ["InFlight", "ask_in_flight", "builds_in_flight"]

# A daemon tells at once all that is known of a build, and then nothing until something changes: it has told
# it when it is quiet for so long, in seconds.
_QUIET = 0.1
_LONGEST_LOOK = 1.0
# Builds of one daemon that are looked into.
_MOST_BUILDS = 100
_LONGEST_NAME = 1000


@frozen
class InFlight:
    """A build that runs: of ``total`` steps that are known by now ``done`` are over. ``step`` is the one that
    was begun last, empty where none runs."""

    record: BuildRecord
    done: int = 0
    total: int = 0
    step: str = ""


def ask_in_flight(
    daemons: Sequence[Daemon], options: DialOptions
) -> tuple[Answer[tuple[InFlight, ...]], ...]:
    """Return each daemon's builds in flight, in the daemons' order; see ``ask_each``."""
    return ask_each(daemons, options, builds_in_flight)


class Steps:
    """The steps of a build, as last told."""

    def __init__(self) -> None:
        self._known: dict[str, Vertex] = {}

    def see(self, status: SolveStatus) -> None:
        """Take a message."""
        for vertex in status.vertexes:
            kept = replace(vertex, name=shortened(vertex.name, _LONGEST_NAME), inputs=())
            put(self._known, vertex.digest, kept, MOST_STEPS)

    def of(self, record: BuildRecord) -> InFlight:
        """Return how far the build is."""
        done = sum(vertex.completed is not None for vertex in self._known.values())
        running = [
            each for each in self._known.values() if each.started is not None and each.completed is None
        ]
        latest = max(running, key=lambda vertex: vertex.started or 0, default=None)
        step = latest.name if latest else ""
        return InFlight(record=record, done=done, total=len(self._known), step=step)


def builds_in_flight(control: Control, timeout: float) -> tuple[InFlight, ...]:
    """Ask one daemon, which may take ``timeout`` seconds; looks into some hundred of its builds."""
    records = [
        record
        for record in read_records(control, timeout, query=RecordQuery(active_only=True))
        if record.completed is None
    ]
    looked_into = [(record, Steps()) for record in records[:_MOST_BUILDS]]
    _look(control, looked_into, min(timeout, _LONGEST_LOOK))
    known = {record.ref: steps.of(record) for record, steps in looked_into}
    return tuple(known.get(record.ref) or InFlight(record=record) for record in records)


def _look(control: Control, builds: Sequence[tuple[BuildRecord, Steps]], longest: float) -> None:
    """Read the progress of the builds; one that ends meanwhile stays as it was."""
    told = 0
    unheard = {record.ref for record, _ in builds}

    def hear(ref: str, steps: Steps, status: SolveStatus) -> None:
        nonlocal told
        told += 1
        unheard.discard(ref)
        steps.see(status)

    calls = [control.status(record.ref, partial(hear, record.ref, steps)) for record, steps in builds]
    end = time.monotonic() + longest
    while (left := end - time.monotonic()) > 0 and not all(call.done for call in calls):
        before = told

        def changed(before: int = before) -> bool:
            return told > before or all(call.done for call in calls)

        try:
            control.channel.run(changed, timeout=left if unheard else min(left, _QUIET))
        except DialError as exc:
            if exc.reason != "timeout":
                raise
            break
