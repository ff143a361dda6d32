"""`warmroute ps`: the builds that run now."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import router as library
from cli.asking import ask, require_answers
from cli.commands.history.listed import place_of, record_values
from cli.groups import OptionGroup, option
from cli.options import ChosenDaemons, FleetRouting, FormatDisplay
from cli.render.ago import took
from cli.render.cells import fit
from cli.render.foreign import printable
from cli.render.narrow import Narrowing, narrow_table
from cli.render.table import room_on_stdout, rows_on_stdout
from router import DaemonRecord, UsageError, build_name

if TYPE_CHECKING:
    from router import Answer, Daemon, InFlight

    _Answers = Sequence[Answer[tuple[InFlight, ...]]]

__all__ = ["command"]

_HEADER = ("BUILD ID", "NAME", "KEY", "DAEMON", "PLACE", "AGE", "STEPS", "STARTED BY", "CURRENT STEP")
_NARROWING = Narrowing(
    ids="BUILD ID",
    spared=("NAME", "STARTED BY"),
    cut=(("CURRENT STEP", "beginning"), ("KEY", "end"), ("DAEMON", "ends")),
    last=("PLACE",),
)
# Seconds between two looks.
_EVERY = 2.0
_CLEAR = "\x1b[H\x1b[J"


class Watch(OptionGroup, panel="Display"):
    """How often it is looked."""

    watch: bool = option("--watch", "-w", default=False, help="Look again every 2 s, until interrupted.")


def command(again: Watch, routing: FleetRouting, chosen: ChosenDaemons, display: FormatDisplay) -> None:
    """List the builds in flight on all daemons, each with its current step."""
    if again.watch and display.format == "json":
        raise UsageError("--watch and --format json exclude each other", hint="call ps again for each look")
    while True:
        answers = ask(routing, library.ask_in_flight, only=chosen.names or ())
        silent = [answer.daemon.name for answer in answers if answer.error]
        if not again.watch:
            break
        sys.stdout.write(f"{_CLEAR}{_screen(answers, silent)}\n")
        sys.stdout.flush()
        time.sleep(_EVERY)
    sys.stdout.write(f"{_json(answers) if display.format == 'json' else _table(answers)}\n")
    require_answers(silent, len(answers))


def _builds(answers: _Answers) -> list[tuple[Daemon, InFlight]]:
    """Return the builds, the one that was begun first in the first place."""
    found = [(answer.daemon, build) for answer in answers for build in answer.value or ()]
    return sorted(found, key=lambda each: each[1].record.created or 0)


def _table(answers: _Answers) -> str:
    rows = [_row(daemon, build) for daemon, build in _builds(answers)]
    return narrow_table(_HEADER, rows, _NARROWING, room=room_on_stdout())


def _screen(answers: _Answers, silent: Sequence[str]) -> str:
    """Return the table with who did not answer, in as many rows as the terminal has: one more would scroll
    the header away."""
    lines = _table(answers).split("\n")
    note = [f"did not answer: {', '.join(silent)}"] if silent else []
    room, rows = room_on_stdout(), rows_on_stdout()
    if rows is not None and len(lines) + len(note) >= rows:
        shown = max(rows - len(note) - 2, 1)
        note.insert(0, f"and {len(lines) - shown} more")
        lines = lines[:shown]
    return "\n".join([*lines, *(fit(printable(line), room or len(line)) for line in note)])


def _row(daemon: Daemon, build: InFlight) -> tuple[str, ...]:
    record, mark = build.record, build.record.mark
    return (
        record.ref,
        build_name(record),
        mark.key if mark else "",
        daemon.name,
        place_of(record),
        took(record.duration(time.time_ns())),
        f"{build.done}/{build.total}",
        mark.by if mark else "",
        build.step,
    )


def _json(answers: _Answers) -> str:
    values = []
    for daemon, build in _builds(answers):
        known = record_values(DaemonRecord(daemon=daemon, record=build.record))
        steps = {"completed_steps": build.done, "total_steps": build.total, "current_step": build.step}
        unknown = ("completed_at", "cached_steps", "warnings", "digest", "pinned", "error")
        values.append({name: value for name, value in (known | steps).items() if name not in unknown})
    return json.dumps(values, indent=2)
