"""Builds of the history as rows of a table, and as values for programs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.render.ago import ago, instant, took
from cli.render.narrow import Narrowing, narrow_table
from cli.render.units import NANOSECONDS
from router import Place, build_name

if TYPE_CHECKING:
    from router import BuildRecord, DaemonRecord

__all__ = ["STATUS", "builds_table", "place_of", "record_values"]

STATUS = {"running": "Running", "completed": "Completed", "error": "Error", "canceled": "Canceled"}

_HEADER = ("BUILD ID", "NAME", "KEY", "DAEMON", "PLACE", "STATUS", "CACHED", "CREATED AT", "DURATION")
_NARROWING = Narrowing(
    ids="BUILD ID",
    spared=("KEY", "PLACE", "CACHED"),
    cut=(("NAME", "end"), ("DAEMON", "ends")),
    last=("DURATION",),
)


def builds_table(builds: Sequence[DaemonRecord], *, room: int | None) -> str:
    """Return a table of builds; ``room`` is the columns of the terminal, None where there is no end."""
    return narrow_table(_HEADER, [_row(each) for each in builds], _NARROWING, room=room)


def _row(build: DaemonRecord) -> tuple[str, ...]:
    record, now = build.record, time.time_ns()
    running = record.status == "running"
    return (
        record.ref,
        build_name(record),
        record.mark.key if record.mark else "",
        build.daemon.name,
        place_of(record),
        STATUS[record.status],
        f"{record.cached_steps}/{record.total_steps}" if record.total_steps else "",
        f"{ago(now - record.created)} ago" if record.created is not None else "",
        took(record.duration(now), running=running),
    )


def place_of(record: BuildRecord) -> str:
    """Return whether the daemon is home for the build, empty where it isn't known."""
    return str(Place(number=record.mark.place)) if record.mark else ""


def record_values(build: DaemonRecord) -> dict[str, object]:
    """Return what `--format json` writes of a build; buildx's names where buildx has it."""
    record, mark = build.record, build.record.mark
    duration = record.duration(time.time_ns())
    error = record.error
    return {
        "ref": record.ref,
        "name": build_name(record),
        "daemon": build.daemon.name,
        "address": str(build.daemon.address),
        "status": record.status,
        "key": mark.key if mark else None,
        "rule": mark.rule if mark else None,
        "place": mark.place if mark else None,
        "attempt": mark.attempt if mark else None,
        "started_by": mark.by if mark else None,
        "created_at": instant(record.created),
        "completed_at": instant(record.completed),
        "duration": None if duration is None else duration / NANOSECONDS,
        "total_steps": record.total_steps,
        "completed_steps": record.completed_steps,
        "cached_steps": record.cached_steps,
        "warnings": record.warnings,
        "images": list(record.images),
        "digest": record.digest or None,
        "pinned": record.pinned,
        "error": None if error is None else {"code": error.code, "message": error.message},
    }
