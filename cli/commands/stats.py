"""`warmroute stats`: how warm a fleet's builds were, and the time that saved."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import router as library
from cli.asking import ask, require_answers
from cli.groups import Only, OptionGroup, option
from cli.options import ChosenDaemons, FleetRouting, PeriodOptions
from cli.render.foreign import printable
from cli.render.narrow import Narrowing, narrow_table
from cli.render.table import room_on_stdout
from cli.render.units import NANOSECONDS
from router import Flag, parse_duration

if TYPE_CHECKING:
    from router import BuildStats

__all__ = ["command"]

_COUNTED = ("BUILDS", "WARM", "WARM%", "FAILED", "SPILLS", "FAILOVERS")
# Builds that exported no image, or that warmroute's native backend did not send.
_NAMELESS = {"image": "(no image)", "key": "(no key)"}
_TIMED = ("WARM-P50", "WARM-P95", "COLD-P50", "COLD-P95", "SAVED")


class StatsOptions(OptionGroup, panel="Builds"):
    """Which builds count, and how they are put together."""

    period: PeriodOptions = PeriodOptions()
    by: Literal["all", "key", "daemon", "image"] = option("--by", default="all", help="A row for each.")
    warm_from: float = option(
        "--warm-from",
        default=50,
        metavar="PERCENT",
        minimum=0,
        maximum=100,
        help="A build is warm with so many of the cached steps that the warmest build of its key had.",
    )
    format: Literal["table", "json", "prometheus"] = option(
        "--format", default="table", help="For people, programs, or a textfile collector.", panel="Display"
    )


_Stats = Annotated[StatsOptions, Only("--since", "--by", "--warm-from", "--format")]


def command(stats: _Stats, routing: FleetRouting, chosen: ChosenDaemons) -> None:
    """Show how warm builds were, how long they took, and the time saved, from the daemons' histories."""
    since = None
    if stats.period.since:
        seconds = parse_duration(stats.period.since, Flag(name="--since", example="24h"))
        since = time.time_ns() - int(seconds * NANOSECONDS)
    answers = ask(routing, library.ask_records, only=chosen.names or ())
    rows = library.build_stats(
        library.by_time(answers), stats.by, since=since, warm_from=stats.warm_from / 100
    )
    match stats.format:
        case "json":
            text = json.dumps([_values(row, stats.by) for row in rows], indent=2) + "\n"
        case "prometheus":
            silent = sum(answer.error is not None for answer in answers)
            text = "".join((*_answers(len(answers), silent), *_metrics(rows, stats.by)))
        case "table":
            text = f"{_table(rows, stats.by)}\n"
    sys.stdout.write(text)
    require_answers([answer.daemon.name for answer in answers if answer.error], len(answers))


def _table(rows: Sequence[BuildStats], by: str) -> str:
    narrowing = Narrowing(
        spared=("FAILOVERS", "SPILLS", "FAILED", "WARM", "COLD-P95", "WARM-P95"),
        cut=() if by == "all" else ((by.upper(), "ends" if by == "daemon" else "end"),),
        last=("COLD-P50", "BUILDS"),
    )
    header = (*([] if by == "all" else [by.upper()]), *_COUNTED, *_TIMED)
    return narrow_table(header, [_row(row, by) for row in rows], narrowing, room=room_on_stdout())


def _row(row: BuildStats, by: str) -> tuple[str, ...]:
    share = row.warm_share
    return (
        *([] if by == "all" else [row.name or _NAMELESS.get(by, "")]),
        str(row.builds),
        str(row.warm),
        "" if share is None else f"{share:.0%}",
        str(row.failed),
        str(row.spills),
        str(row.failovers),
        *map(_took, (row.p50_warm, row.p95_warm, row.p50_cold, row.p95_cold)),
        f"{row.saved / 60:.1f} min",
    )


def _took(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}s"


def _values(row: BuildStats, by: str) -> dict[str, object]:
    named = {} if by == "all" else {by: row.name}
    return {
        **named,
        "builds": row.builds,
        "warm": row.warm,
        "warm_share": row.warm_share,
        "failed": row.failed,
        "running": row.running,
        "spills": row.spills,
        "failovers": row.failovers,
        "warm_p50_seconds": row.p50_warm,
        "warm_p95_seconds": row.p95_warm,
        "cold_p50_seconds": row.p50_cold,
        "cold_p95_seconds": row.p95_cold,
        "saved_seconds": row.saved,
    }


def _answers(asked: int, silent: int) -> Iterator[str]:
    """Yield how many daemons the figures are of: a sum without one of them is no drop."""
    yield "# TYPE warmroute_stats_daemons gauge\n"
    yield f'warmroute_stats_daemons{{answered="true"}} {asked - silent}\n'
    yield f'warmroute_stats_daemons{{answered="false"}} {silent}\n'


def _metrics(rows: Sequence[BuildStats], by: str) -> Iterator[str]:
    """Yield the lines of Prometheus' text format: gauges over the period, which moves on."""
    for name in _values(rows[0], by) if rows else ():
        if name == by:
            continue
        metric = f"warmroute_stats_{name}"
        yield f"# TYPE {metric} gauge\n"
        for row in rows:
            value = _values(row, by)[name]
            if value is not None:
                label = "" if by == "all" else f'{{{by}="{_escaped(row.name)}"}}'
                yield f"{metric}{label} {value}\n"


def _escaped(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
