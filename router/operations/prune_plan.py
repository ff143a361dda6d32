"""What a prune deletes, and in which order, as buildkitd's cache manager decides it. Pure.

A daemon has no dry run. Its list of records says enough: which are in use, whose parents they are, when and
how often they were used. A record goes once nothing in the store is made from it any more. With a bound on
space they go one by one, the longest unused and least used first, until the store is below it.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right, insort
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Protocol

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
    queue: _Queue = _LeastUsed() if bound else _AnyOrder()
    for record in store.free:
        if record.id in wanted:
            queue.add(record)
    gone: list[CacheRecord] = []
    while (not bound or total >= bound) and (next_one := queue.take()):
        gone.append(next_one)
        total -= next_one.size
        for parent in store.freed_by(next_one):
            if parent.id in wanted:
                queue.add(parent)
    return tuple(gone)


class _Store:
    """Records, and of how many others each is a parent; ``free`` are those of none at the beginning."""

    def __init__(self, records: Iterable[CacheRecord]) -> None:
        self._records = {record.id: record for record in records}
        self._children = Counter(parent for record in self._records.values() for parent in record.parents)
        self.free = [record for name, record in self._records.items() if not self._children[name]]

    def freed_by(self, record: CacheRecord) -> Iterator[CacheRecord]:
        """Take a record away, and yield its parents that are free then."""
        for parent in record.parents:
            self._children[parent] -= 1
            if not self._children[parent] and parent in self._records:
                yield self._records[parent]


class _Queue(Protocol):
    def add(self, record: CacheRecord) -> None: ...

    def take(self) -> CacheRecord | None: ...


class _AnyOrder:
    """First in, first out: all of them go."""

    def __init__(self) -> None:
        self._waiting: deque[CacheRecord] = deque()

    def add(self, record: CacheRecord) -> None:
        self._waiting.append(record)

    def take(self) -> CacheRecord | None:
        return self._waiting.popleft() if self._waiting else None


class _LeastUsed:
    """The next to go is the one whose ranks by last use and by use count add up to the least, each as a part
    of the highest rank; ranks are among those that could go now, and start at 1 for no use at all.
    """

    def __init__(self) -> None:
        # Of those with one count only the longest unused can be next.
        self._by_count: dict[int, list[tuple[int, int, CacheRecord]]] = {}
        self._times: list[int] = []  # each once, ascending
        self._with_time: Counter[int] = Counter()
        self._added = 0

    def add(self, record: CacheRecord) -> None:
        time_used = record.last_used or 0
        heappush(self._by_count.setdefault(record.usage_count, []), (time_used, self._added, record))
        self._added += 1
        if time_used:
            if not self._with_time[time_used]:
                insort(self._times, time_used)
            self._with_time[time_used] += 1

    def take(self) -> CacheRecord | None:
        if not self._by_count:
            return None
        counts = sorted(self._by_count)
        ranks = range(1 if counts[0] == 0 else 2, len(counts) + 2)
        highest, latest = ranks[len(counts) - 1], 1 + len(self._times)
        count, _ = min(
            zip(counts, ranks, strict=False),
            key=lambda pair: self._rank(pair[0]) / latest + pair[1] / highest,
        )
        time_used, _, record = heappop(self._by_count[count])
        if not self._by_count[count]:
            del self._by_count[count]
        if time_used:
            self._with_time[time_used] -= 1
            if not self._with_time[time_used]:
                del self._times[bisect_left(self._times, time_used)]
        return record

    def _rank(self, count: int) -> int:
        """Return the rank by last use of the longest unused with that count."""
        return 1 + bisect_right(self._times, self._by_count[count][0][0])


def _newest(pruning: Pruning, now: int) -> int | None:
    """Return the last use that a record may have had to go; None where it doesn't count."""
    unused_for = pruning.filters.unused_for
    return now - int(unused_for * _NANOSECONDS) if unused_for else None
