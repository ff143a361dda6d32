"""A build as the status page shows it, and the counts of all builds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from router.model.daemon import Place
from router.model.frozen import field, frozen
from router.operations.measures import is_warm

__all__ = ["BUCKETS", "BuildState", "Counts", "Picture", "WatchedBuild", "warm_builds"]

BuildState = Literal["waiting", "building", "completed", "failed", "canceled", "lost", "unplaced"]

BUCKETS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds of the histogram of seconds."""


@frozen
class WatchedBuild:
    """One build; clients may use a ref twice, so each has a unique ``number``. ``begun`` is seconds since the
    epoch, ``seconds`` its duration, None while it runs.

    ``waited`` are the seconds until a daemon had it, None before that. ``attempt`` counts from 1: earlier
    attempts were lost with their daemons. ``done`` of ``total`` steps are over, ``step`` is running; of a
    finished build ``cached`` of ``total`` were cached, None if unknown (yet). ``first``: the endpoint knows
    of no earlier build of the key on its daemon. ``missed`` is the first step that ran.
    """

    number: int
    ref: str
    key: str
    rule: str
    who: str
    begun: float
    state: BuildState = "waiting"
    daemon: str = ""
    place: Place | None = None
    attempt: int = 1
    note: str = ""
    waited: float | None = None
    seconds: float | None = None
    error: str = ""
    done: int | None = None
    total: int | None = None
    step: str = ""
    cached: int | None = None
    first: bool = False
    missed: str = ""


@frozen
class Counts:
    """Since the endpoint started. ``buckets`` counts successful builds by ``BUCKETS``, each on its own."""

    results: Mapping[str, int] = field(default_factory=dict)
    spills: int = 0
    failovers: int = 0
    unfit: int = 0
    retries: int = 0
    cached: int = 0
    steps: int = 0
    seconds: float = 0.0
    buckets: tuple[int, ...] = (0,) * (len(BUCKETS) + 1)
    building: int = 0
    waiting: int = 0


@frozen
class Picture:
    """The state of the record at one moment: the ``ended`` builds are the latest, the last one first."""

    in_flight: tuple[WatchedBuild, ...]
    ended: tuple[WatchedBuild, ...]
    counts: Counts


def warm_builds(builds: Iterable[WatchedBuild]) -> frozenset[int]:
    """Return the numbers of the warm builds among the successful ones whose steps are known."""
    known = [each for each in builds if each.state == "completed" and each.cached is not None]
    warmest: dict[str, int] = {}
    for each in known:
        warmest[each.key] = max(warmest.get(each.key, 0), each.cached or 0)
    return frozenset(
        each.number for each in known if is_warm(each.cached or 0, each.total or 0, warmest=warmest[each.key])
    )
