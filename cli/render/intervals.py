"""The spans of time in which a step ran.

A step may run more than once (its cache is looked up, later its result is fetched), and a progress group
runs while any of its steps does. Time that overlaps counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cli.named import NamedTuple

__all__ = ["Interval", "elapsed", "merge_intervals"]


class Interval(NamedTuple):
    """From ``start`` to ``stop`` (None while it runs), nanoseconds by the daemon's clock.

    ``seen`` is when the start was first told, by our own clock: a running interval is measured from there,
    so that clocks that disagree don't show.
    """

    start: int
    stop: int | None
    seen: int

    def length(self, now: int) -> int:
        """Nanoseconds it lasted, or lasts by now."""
        return (now - self.seen) if self.stop is None else (self.stop - self.start)


def merge_intervals(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Join the intervals that touch or overlap; a running one takes in all that start after it."""
    merged: list[Interval] = []
    for interval in sorted(intervals, key=lambda each: each.start):
        last = merged[-1] if merged else None
        if last is None or (last.stop is not None and last.stop < interval.start):
            merged.append(interval)
        elif last.stop is not None:
            merged[-1] = _join(last, interval, last.stop)
    return tuple(merged)


def _join(first: Interval, second: Interval, first_stop: int) -> Interval:
    if second.stop is None:
        return Interval(first.start, None, second.seen - (second.start - first.start))
    return first._replace(stop=max(first_stop, second.stop))


def elapsed(merged: Sequence[Interval], now: int) -> int:
    """Nanoseconds in all; ``now`` is by our own clock."""
    return sum(interval.length(now) for interval in merged)
