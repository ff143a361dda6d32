"""What a prune deletes, and in which order, as buildkitd's cache manager decides it. Pure.

A daemon has no dry run. Its list of records says enough: which are in use, whose parents they are, when and
how often they were used. A record goes once nothing in the store is made from it any more. With a bound on
space they go one by one, the longest unused and least used first, until the store is below it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence

from router.errors import UsageError
from router.flags.usage_filter import UsageFilter
from router.model.frozen import frozen
from router.operations.usage import CacheRecord

__all__ = ["Pruning", "planned"]

_NANOSECONDS = 1_000_000_000
# Kept unless all is to go.
_INTERNAL = frozenset(["internal", "frontend"])


@frozen
class Pruning:
    """What is to be deleted: unused records that match, by ``all`` also frontends' and images'.

    The spaces are bytes, 0 for none: what is left in any case, what is left at most, and what is to be free
    on the daemon's disk at least.
    """

    filters: UsageFilter = UsageFilter()
    all: bool = False
    reserved_space: int = 0
    max_used_space: int = 0
    min_free_space: int = 0

    def check_plan(self) -> None:
        """Raise ``UsageError`` where only the daemon can know what goes."""
        if self.min_free_space:
            raise UsageError(
                "--dry-run can't tell what --min-free-space deletes: only the daemon knows its disk",
                hint="leave one of them out",
            )


def planned(
    records: Sequence[CacheRecord],
    matching: Collection[str] | None,
    pruning: Pruning,
    *,
    now: int | None = None,
) -> tuple[CacheRecord, ...]:
    """Return the records that go, in order. ``matching`` are the ids that match, None for all."""
    newest = _newest(pruning, time.time_ns() if now is None else now)
    wanted = {
        record.id
        for record in records
        if not record.in_use
        and (matching is None or record.id in matching)
        and (pruning.all or not (record.type in _INTERNAL or record.shared))
        and (newest is None or record.last_used is None or record.last_used <= newest)
    }
    bound = max(pruning.max_used_space, pruning.reserved_space)
    total = sum(record.size for record in records if not record.shared)
    store = _Store(records)
    gone: list[CacheRecord] = []
    while not bound or total >= bound:
        free = [record for record in store.free.values() if record.id in wanted]
        if not free:
            break
        for record in _least_used(free) if bound else free:
            gone.append(record)
            store.remove(record)
            total -= record.size
    return tuple(gone)


class _Store:
    """Records, and of how many others each is a parent."""

    def __init__(self, records: Iterable[CacheRecord]) -> None:
        self._records = {record.id: record for record in records}
        self._children = dict.fromkeys(self._records, 0)
        for record in self._records.values():
            for parent in record.parents:
                self._children[parent] = self._children.get(parent, 0) + 1
        self.free = {name: record for name, record in self._records.items() if not self._children[name]}

    def remove(self, record: CacheRecord) -> None:
        """Take a free record away; its parents may be free then."""
        del self.free[record.id]
        for parent in record.parents:
            self._children[parent] -= 1
            if not self._children[parent] and parent in self._records:
                self.free[parent] = self._records[parent]


def _newest(pruning: Pruning, now: int) -> int | None:
    """Return the last use that a record may have had to go; None where it doesn't count."""
    unused_for = pruning.filters.unused_for
    return now - int(unused_for * _NANOSECONDS) if unused_for else None


def _least_used(records: list[CacheRecord]) -> list[CacheRecord]:
    """Return the one that goes next: the rank by last use and the rank by use count weigh the same."""
    by_time = sorted(records, key=lambda record: record.last_used or 0)
    times = _ranks(record.last_used or 0 for record in by_time)
    time_rank = dict(zip((record.id for record in by_time), times, strict=True))
    by_count = sorted(by_time, key=lambda record: record.usage_count)
    counts = _ranks(record.usage_count for record in by_count)
    weights = (
        (time_rank[record.id] / max(times) + rank / max(counts), record)
        for record, rank in zip(by_count, counts, strict=True)
    )
    return [min(weights, key=lambda pair: pair[0])[1]]


def _ranks(values: Iterable[int]) -> list[float]:
    """Number ascending values; the same value has the same number, and 0 has 1."""
    ranks: list[float] = []
    rank, last = 1.0, 0
    for value in values:
        if value != last:
            rank, last = rank + 1, value
        ranks.append(rank)
    return ranks
