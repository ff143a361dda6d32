"""`warmroute history ls`: the builds of all daemons, by time."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import router as library
from cli.asking import ask, require_answers
from cli.commands.history.listed import builds_table, record_values
from cli.groups import Only, OptionGroup, option
from cli.options import ChosenDaemons, FleetRouting, FormatDisplay, HomeOptions, PeriodOptions
from cli.render.table import room_on_stdout
from cli.render.units import NANOSECONDS
from router import Flag, UsageError, parse_duration

if TYPE_CHECKING:
    from router import BuildRecord, DaemonRecord

__all__ = ["command"]

# Builds, far more than a fleet remembers.
_MOST = 1_000_000


class Which(OptionGroup, panel="Builds"):
    """Which builds are listed."""

    home: HomeOptions = HomeOptions()
    period: PeriodOptions = PeriodOptions()
    failed: bool = option("--failed", default=False, help="Only builds that failed.")
    limit: float = option(
        "--limit",
        default=50,
        metavar="N",
        minimum=0,
        help="Show at most this many, the latest; 0 is no limit.",
    )


_Builds = Annotated[Which, Only("--key", "--failed", "--since", "--limit")]


def command(builds: _Builds, routing: FleetRouting, chosen: ChosenDaemons, display: FormatDisplay) -> None:
    """List the builds that the daemons remember, and those that run; --key: only those of this key."""
    key, period = builds.home.key, builds.period
    since = parse_duration(period.since, Flag(name="--since", example="24h")) if period.since else None
    limit = _whole(builds.limit)
    filtered = bool(key or builds.failed or since is not None)
    # One more than is shown tells whether there are more.
    query = library.RecordQuery(limit=limit + 1 if limit and not filtered else 0)
    answers = ask(routing, partial(library.ask_records, query=query), only=chosen.names or ())
    found = [each for each in library.by_time(answers) if _wanted(each.record, key, since)]
    if builds.failed:
        found = [each for each in found if each.record.status == "error"]
    listed = found[:limit] if limit else found
    sys.stdout.write(f"{_json(listed) if display.format == 'json' else _table(listed)}\n")
    if len(found) > len(listed):
        sys.stderr.write(f"older builds are left out after {limit}: --limit 0 shows all\n")
    require_answers([answer.daemon.name for answer in answers if answer.error], len(answers))


def _whole(limit: float) -> int:
    if not 0 <= limit <= _MOST or limit != int(limit):
        raise UsageError(f"invalid --limit {limit:g}: it must be a whole number, at most {_MOST}")
    return int(limit)


def _wanted(record: BuildRecord, key: str | None, since: float | None) -> bool:
    if key and (record.mark is None or record.mark.key != key):
        return False
    begun = record.created or 0
    return since is None or begun >= time.time_ns() - int(since * NANOSECONDS)


def _table(builds: Sequence[DaemonRecord]) -> str:
    return builds_table(builds, room=room_on_stdout())


def _json(builds: Sequence[DaemonRecord]) -> str:
    return json.dumps([record_values(each) for each in builds], indent=2)
