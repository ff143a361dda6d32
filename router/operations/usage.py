"""The build cache of daemons, asked for as ``buildctl du`` does: records, sums, and cache mounts by id."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from functools import partial

from router._proto import control_pb2 as pb
from router.flags.usage_filter import UsageFilter, format_selectors
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.operations.each import Answer, ask_each
from router.solve.control import Control
from router.transport.options import DialOptions

__all__ = [
    "CacheMount",
    "CacheRecord",
    "Usage",
    "ask_usage",
    "cache_mounts",
    "cache_record",
    "records_of",
    "usage_of",
]

_NANOSECONDS = 1_000_000_000
_CACHE_MOUNT = "exec.cachemount"
# How a daemon describes one: "cached mount PLACE from exec COMMAND", and the id as Go quotes it unless it is
# the place.
_DESCRIBED = re.compile(r'cached mount (.+?) from .*?(?: with id ("(?:[^"\\]|\\.)*"))?', re.DOTALL)


@frozen
class CacheRecord:
    """One record of a store. Times are nanoseconds since 1970, None where there was none.

    A record in use can't be reclaimed; a shared one lies in an image's layers as well. ``type`` is
    ``regular``, ``exec.cachemount``, ``source.local`` and their like.
    """

    id: str
    type: str
    size: int
    mutable: bool
    in_use: bool
    shared: bool
    description: str
    parents: tuple[str, ...]
    usage_count: int
    created: int
    last_used: int | None


@frozen
class Usage:
    """The records of one daemon or of several, smallest first, and their sums in bytes."""

    records: tuple[CacheRecord, ...]
    total: int
    reclaimable: int
    shared: int

    @property
    def private(self) -> int:
        """What is in no image as well."""
        return self.total - self.shared


@frozen
class CacheMount:
    """What a daemon keeps for ``RUN --mount=type=cache`` under one id.

    ``records`` are several for a mount that isn't shared between steps; ``size`` is their sum, 0 for what
    is in use: it is changing.
    """

    id: str
    size: int
    in_use: bool
    last_used: int | None
    records: int


def ask_usage(
    daemons: Sequence[Daemon], options: DialOptions, filters: UsageFilter
) -> tuple[Answer[Usage], ...]:
    """Return the matching records of each daemon, in the daemons' order.

    ``options.timeout`` is the deadline in seconds for connecting and for the answer.
    """
    return ask_each(daemons, options, partial(_usage, filters))


def usage_of(records: Iterable[CacheRecord]) -> Usage:
    """Return records in order, with their sums as buildctl and buildx make them."""
    ordered = tuple(sorted(records, key=lambda record: (record.size, record.id)))
    return Usage(
        records=ordered,
        total=sum(max(record.size, 0) for record in ordered),
        reclaimable=sum(max(record.size, 0) for record in ordered if not record.in_use),
        shared=sum(record.size for record in ordered if record.shared),
    )


def cache_mounts(records: Iterable[CacheRecord]) -> tuple[CacheMount, ...]:
    """Return the cache mounts among the records, by id.

    The id is what a Dockerfile says: the frontend puts a namespace and a slash before it, and without a
    namespace (``BUILDKIT_CACHE_MOUNT_NS``) the slash is left out here.
    """
    by_id: dict[str, list[CacheRecord]] = {}
    for record in records:
        if record.type == _CACHE_MOUNT:
            by_id.setdefault(_mount_id(record.description), []).append(record)
    return tuple(_mount(name, by_id[name]) for name in sorted(by_id))


def cache_record(record: pb.UsageRecord) -> CacheRecord:
    """Return a daemon's record as a value."""
    return CacheRecord(
        id=record.ID,
        type=record.RecordType,
        size=record.Size,
        mutable=record.Mutable,
        in_use=record.InUse,
        shared=record.Shared,
        description=record.Description,
        parents=tuple(record.Parents),
        usage_count=record.UsageCount,
        created=record.CreatedAt.seconds * _NANOSECONDS + record.CreatedAt.nanos,
        last_used=record.LastUsedAt.seconds * _NANOSECONDS + record.LastUsedAt.nanos
        if record.HasField("LastUsedAt")
        else None,
    )


def records_of(
    control: Control, timeout: float, filters: UsageFilter | None = None
) -> tuple[CacheRecord, ...]:
    """Ask one daemon for the records that match, which may take ``timeout`` seconds; how long they were
    unused doesn't count."""
    selectors = format_selectors(filters) if filters else ""
    answer = control.disk_usage(selectors, timeout=timeout)
    return tuple(cache_record(record) for record in answer.record)


def _usage(filters: UsageFilter, control: Control, timeout: float) -> Usage:
    records = records_of(control, timeout, filters)
    if filters.unused_for is None:
        return usage_of(records)
    # Here: a daemon that doesn't know the field for it would say that everything is old.
    newest = time.time_ns() - int(filters.unused_for * _NANOSECONDS)
    return usage_of(record for record in records if (record.last_used or 0) <= newest)


def _mount(name: str, records: Sequence[CacheRecord]) -> CacheMount:
    return CacheMount(
        id=name,
        size=sum(max(record.size, 0) for record in records),
        in_use=any(record.in_use for record in records),
        last_used=max((record.last_used for record in records if record.last_used is not None), default=None),
        records=len(records),
    )


def _mount_id(description: str) -> str:
    found = _DESCRIBED.fullmatch(description)
    if found is None:
        return description
    place, quoted = found.groups()
    if quoted is None:
        return str(place)
    return re.sub(r'\\(["\\])', r"\1", quoted[1:-1]).removeprefix("/")
