"""What daemons keep in their stores, as people read it: sums by daemon, cache mounts by id, each record."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from cli.render.ago import ago
from cli.render.foreign import printable
from cli.render.narrow import Kept, Narrowing, narrow_table
from cli.render.units import NANOSECONDS, format_bytes

if TYPE_CHECKING:
    from router import CacheMount, CacheRecord, Usage

__all__ = ["freed_table", "mounts_table", "record_lines", "usage_table", "utc"]

# A pod is told from others by the end of its name, an address by its beginning.
_DAEMON: tuple[tuple[str, Kept], ...] = (("DAEMON", "ends"),)
_LAST = 253_402_300_800 * NANOSECONDS - 1  # of the year 9999


def usage_table(usages: Sequence[tuple[str, Usage | None]], whole: Usage, *, room: int | None) -> str:
    """Return the sums by daemon, with a last row for those of all daemons where there are several.

    A daemon that did not answer has None.
    """
    rows = [
        (name, *(("no answer", "", "", "", "") if usage is None else _sums(usage))) for name, usage in usages
    ]
    if len(usages) > 1:
        rows.append(("(sum)", *_sums(whole)))
    header = ("DAEMON", "TOTAL", "RECLAIMABLE", "SHARED", "PRIVATE", "RECORDS")
    narrowing = Narrowing(spared=("PRIVATE", "SHARED", "RECORDS"), cut=_DAEMON)
    return narrow_table(header, rows, narrowing, room=room)


def mounts_table(mounts: Iterable[tuple[str, CacheMount]], *, room: int | None) -> str:
    """Return the cache mounts, each with the daemons that have it next to each other; empty without any."""
    rows = [
        (
            mount.id,
            name,
            "in use" if mount.in_use and not mount.size else format_bytes(mount.size),
            _ago(mount.last_used),
            str(mount.records),
        )
        for name, mount in sorted(mounts, key=lambda pair: (pair[1].id, pair[0]))
    ]
    if not rows:
        return ""
    header = ("CACHE MOUNT", "DAEMON", "SIZE", "LAST USED", "RECORDS")
    narrowing = Narrowing(spared=("RECORDS", "LAST USED"), cut=(("CACHE MOUNT", "end"), *_DAEMON))
    return narrow_table(header, rows, narrowing, room=room)


def freed_table(usages: Sequence[tuple[str, Usage | None]], *, dry_run: bool, room: int | None) -> str:
    """Return what a prune freed, or would free, by daemon, with the sum where there are several."""
    answered = [usage for _, usage in usages if usage is not None]
    rows = [(name, *(("no answer", "") if usage is None else _freed([usage]))) for name, usage in usages]
    if len(usages) > 1:
        rows.append(("(sum)", *_freed(answered)))
    header = ("DAEMON", "WOULD FREE" if dry_run else "FREED", "RECORDS")
    return narrow_table(header, rows, Narrowing(spared=(), cut=_DAEMON), room=room)


def record_lines(name: str, record: CacheRecord) -> Iterator[str]:
    """Yield what buildctl and buildx show of a record, with the daemon's name before it."""
    for title, value in _facts(name, record):
        yield f"{title + ':':<13} {printable(value)}".rstrip()


def utc(nanoseconds: int) -> tuple[str, str, str]:
    """Return the day, the time and its fraction (``.5``, or nothing) of an instant, in UTC."""
    seconds, fraction = divmod(max(0, min(nanoseconds, _LAST)), NANOSECONDS)
    then = time.gmtime(seconds)
    shown = f".{fraction:09d}".rstrip("0") if fraction else ""
    return time.strftime("%Y-%m-%d", then), time.strftime("%H:%M:%S", then), shown


def _sums(usage: Usage) -> tuple[str, ...]:
    sizes = (usage.total, usage.reclaimable, usage.shared, usage.private)
    return (*map(format_bytes, sizes), str(len(usage.records)))


def _freed(usages: Sequence[Usage]) -> tuple[str, str]:
    count = sum(len(usage.records) for usage in usages)
    return format_bytes(sum(usage.total for usage in usages)), str(count)


def _ago(nanoseconds: int | None) -> str:
    return "" if nanoseconds is None else f"{ago(time.time_ns() - nanoseconds)} ago"


def _facts(name: str, record: CacheRecord) -> Iterator[tuple[str, str]]:
    yield "Daemon", name
    yield "ID", record.id
    if record.parents:
        yield "Parents", ";".join(record.parents)
    yield "Created at", _written(record.created)
    yield "Mutable", str(record.mutable).lower()
    yield "Reclaimable", str(not record.in_use).lower()
    yield "Shared", str(record.shared).lower()
    yield "Size", format_bytes(record.size)
    if record.description:
        yield "Description", record.description
    yield "Usage count", str(record.usage_count)
    if record.last_used is not None:
        yield "Last used", _written(record.last_used)
    if record.type:
        yield "Type", record.type


def _written(nanoseconds: int) -> str:
    day, clock, fraction = utc(nanoseconds)
    return f"{day} {clock}{fraction} +0000 UTC"
