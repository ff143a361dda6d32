"""Statistics of a fleet's builds: how many were warm, how long they took, time saved. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from router.model.frozen import frozen
from router.operations.measures import WARM_FROM, is_warm, percentile
from router.operations.records import DaemonRecord

__all__ = ["BuildStats", "StatsBy", "build_stats"]

StatsBy = Literal["all", "key", "daemon", "image"]
_SECOND = 1_000_000_000
_NO_KEY = ""


@frozen
class BuildStats:
    """The builds of a group that succeeded; ``failed`` are those that did not, ``running`` those in flight.

    ``spills`` ran on another daemon than the home of their key, ``failovers`` had been lost before.
    ``p50_*`` and ``p95_*`` are seconds, None where there is no such build. ``saved`` is the seconds by which
    warm builds were shorter than the median cold one of their key.
    """

    name: str
    builds: int = 0
    warm: int = 0
    failed: int = 0
    running: int = 0
    spills: int = 0
    failovers: int = 0
    p50_warm: float | None = None
    p95_warm: float | None = None
    p50_cold: float | None = None
    p95_cold: float | None = None
    saved: float = 0.0

    @property
    def warm_share(self) -> float | None:
        """The share of builds that were warm, None where there is none."""
        return self.warm / self.builds if self.builds else None


def build_stats(
    records: Iterable[DaemonRecord], by: StatsBy, *, since: int | None = None, warm_from: float = WARM_FROM
) -> tuple[BuildStats, ...]:
    """Return a row for each group, the one with most builds first; ``all`` is one row.

    ``since`` is nanoseconds since the epoch. A build is warm that had at least the share ``warm_from`` of the
    cached steps that the warmest build of its key had, without a key of its image, and a quarter of all
    steps: daemons count sources and exports too, which are never cached. Builds without a key of ours are
    grouped by the name "".
    """
    known = [
        each
        for each in records
        if since is None or (each.record.created is not None and each.record.created >= since)
    ]
    warmest: dict[tuple[str, str], int] = {}
    for each in known:
        warmest[_what(each)] = max(warmest.get(_what(each), 0), each.record.cached_steps)
    groups: dict[str, list[DaemonRecord]] = {}
    for each in known:
        groups.setdefault(_NAME_OF[by](each), []).append(each)
    if by == "all" and not groups:
        groups[""] = []

    def warm(build: DaemonRecord) -> bool:
        record, most = build.record, warmest[_what(build)]
        return is_warm(record.cached_steps, record.total_steps, warmest=most, warm_from=warm_from)

    usual = _usual_cold([each for each in known if not warm(each)])
    rows = [_row(name, builds, warm, usual) for name, builds in groups.items()]
    return tuple(sorted(rows, key=lambda row: (-row.builds, row.name)))


def _image(build: DaemonRecord) -> str:
    return next(iter(build.record.images), "")


def _what(build: DaemonRecord) -> tuple[str, str]:
    """Return what is built, to compare it with others of the same."""
    return (_key(build), "") if build.record.mark is not None else ("", _image(build))


def _key(build: DaemonRecord) -> str:
    return build.record.mark.key if build.record.mark is not None else _NO_KEY


_NAME_OF: dict[StatsBy, Callable[[DaemonRecord], str]] = {
    "all": lambda _build: "",
    "key": _key,
    "daemon": lambda build: build.daemon.name,
    "image": _image,
}


def _usual_cold(builds: Iterable[DaemonRecord]) -> Mapping[str, float]:
    """Return the median seconds of the cold builds of each key of ours that succeeded."""
    cold: dict[str, list[float]] = {}
    for each in builds:
        if each.record.mark is not None and each.record.status == "completed":
            cold.setdefault(each.record.mark.key, []).append(_seconds(each))
    return {key: statistics.median(seconds) for key, seconds in cold.items()}


def _row(
    name: str,
    builds: Sequence[DaemonRecord],
    was_warm: Callable[[DaemonRecord], bool],
    usual: Mapping[str, float],
) -> BuildStats:
    done = [each for each in builds if each.record.status == "completed"]
    marks = [each.record.mark for each in done if each.record.mark is not None]
    warm = [each for each in done if was_warm(each)]
    warm_seconds = list(map(_seconds, warm))
    cold_seconds = [_seconds(each) for each in done if not was_warm(each)]
    return BuildStats(
        name=name,
        builds=len(done),
        warm=len(warm),
        failed=sum(each.record.status in {"error", "canceled"} for each in builds),
        running=sum(each.record.status == "running" for each in builds),
        spills=sum(mark.place > 1 for mark in marks),
        failovers=sum(mark.attempt > 1 for mark in marks),
        p50_warm=percentile(warm_seconds, 50),
        p95_warm=percentile(warm_seconds, 95),
        p50_cold=percentile(cold_seconds, 50),
        p95_cold=percentile(cold_seconds, 95),
        saved=sum(max(usual.get(_key(each), 0.0) - _seconds(each), 0.0) for each in warm),
    )


def _seconds(build: DaemonRecord) -> float:
    return (build.record.duration(0) or 0) / _SECOND
