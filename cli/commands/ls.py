"""`warmroute ls`: every daemon, asked in parallel."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import router as library
from cli.asking import chosen as chosen_of
from cli.asking import require_answers
from cli.given.routing import router_config
from cli.interruption import Silent, interruptible
from cli.options import ChosenDaemons, FleetRouting, FormatDisplay
from cli.render.foreign import own_line, printable
from cli.render.platforms import counted
from cli.render.table import room_on_stdout, table
from router import MAX_BUILDS, NOT_ASKED

if TYPE_CHECKING:
    from router import DaemonReport

__all__ = ["command"]

_UNREACHABLE = "unreachable"


def command(routing: FleetRouting, chosen: ChosenDaemons, display: FormatDisplay) -> None:
    """List the daemons: state, version, platforms, builds in flight, cordons."""
    config = router_config(routing)
    with library.BuildRouter(config) as router, interruptible(Silent(heeds=False)):
        daemons = sorted(router.fleet.daemons(), key=lambda daemon: daemon.name)
        if chosen.names:
            daemons = chosen_of(daemons, chosen.names, router)
        reports = library.inspect(daemons, router.dial_options)
    sys.stdout.write(f"{_json(reports) if display.format == 'json' else _table(reports)}\n")
    if not reports:
        sys.stderr.write(f"no {printable(router.fleet.describe())}\n")
    silent = [report.daemon.name for report in reports if _state(report) == _UNREACHABLE]
    require_answers(silent, len(reports))


def _table(reports: tuple[DaemonReport, ...]) -> str:
    apart = any(report.daemon.hashed != report.daemon.name for report in reports)
    lines = table(
        ("NAME", *(["IDENTITY"] if apart else []), "ADDRESS", "STATE", "VERSION", "BUILDS", "PLATFORMS"),
        [
            (
                report.daemon.name,
                *([report.daemon.identity] if apart else []),
                str(report.daemon.address),
                ", ".join([_state(report), *(["cordoned"] if report.daemon.cordon is not None else [])]),
                report.version,
                _builds(report),
                counted(report.platforms),
            )
            for report in reports
        ],
        room=room_on_stdout(),
    )
    notes = [own_line(printable(report.daemon.naming(note))) for report in reports for note in _notes(report)]
    return "\n".join([lines, *(["", *notes] if notes else [])])


def _state(report: DaemonReport) -> str:
    """Return the state: of a daemon that was asked by how it answered, of others as they were listed."""
    daemon = report.daemon
    if not daemon.ready or daemon.terminating:
        return daemon.state
    return _UNREACHABLE if report.error else "ready" if daemon.state == NOT_ASKED else daemon.state


def _builds(report: DaemonReport) -> str:
    """Return the builds in flight, and the bound that the daemon sets itself."""
    known = "" if report.builds is None else str(report.builds)
    bound = report.daemon.max_builds
    return f"{known or '?'} of {bound}" if bound else known


def _notes(report: DaemonReport) -> Iterator[str]:
    """Yield what a cell has no room for."""
    daemon = report.daemon
    if report.error and report.error != daemon.state:
        yield report.error
    if daemon.unplaced:
        yield daemon.unplaced
    if daemon.detail:
        yield f"{daemon.state}: {daemon.detail}"
    if daemon.cordon:
        yield f"cordoned ({daemon.cordon})"
    bound = daemon.annotations.get(MAX_BUILDS)
    if bound is not None and daemon.max_builds is None:
        yield f'the annotation {MAX_BUILDS} is not a number: "{bound}"'


def _json(reports: tuple[DaemonReport, ...]) -> str:
    return json.dumps([_values(report) for report in reports], indent=2)


def _values(report: DaemonReport) -> dict[str, object]:
    daemon = report.daemon
    return {
        "name": daemon.name,
        "identity": daemon.hashed,
        "address": str(daemon.address),
        "state": _state(report),
        "detail": daemon.detail,
        "unplaced": daemon.unplaced,
        "cordoned": daemon.cordon is not None,
        "cordon": daemon.cordon or "",
        "version": report.version,
        "platforms": list(report.platforms),
        "builds": report.builds,
        "max_builds": daemon.max_builds,
        "error": report.error,
    }
