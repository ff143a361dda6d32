"""The record of an endpoint's builds: those in flight, the last hundred, and counts of all.

The threads of the builds report to it, at the cost of a few assignments. Its size is limited, whatever keys
clients use and however many builds they start. It asks no daemon: ``Lookout`` does.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import TypeVar

from router.bounds import shortened
from router.errors import BuildError, CancelledError, RouterError, UnreachableError
from router.model.events import Attempt, Event, Notice
from router.model.frozen import replace
from router.placement.key import Key
from router.redaction import without_passwords
from router.serving.not_retried import NotRetriedError
from router.serving.watching.watched import BUCKETS, BuildState, Counts, Picture, WatchedBuild, warm_builds

__all__ = ["Board"]

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_MOST_IN_FLIGHT = 5000
_MOST_ENDED = 100
# The number of builds whose warmth is still to be asked for, and of attempts for each.
_MOST_OPEN, _MOST_LOOKS = 1000, 5
# The number of remembered pairs of key and daemon.
_MOST_KNOWN = 10_000
_LONGEST = 500
# Reasons in ``Place.reason`` why a build is not at home; any other means that its home is not usable.
_SPILLS = frozenset({"busy", "cold"})
_FAULTS = frozenset({"unreachable", "lost the build"})


class Board:
    """Keeps the state of builds; safe for threads. ``clock`` is in seconds, ``epoch`` its zero since 1970."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, epoch: float | None = None) -> None:
        self._clock = clock
        self._epoch = time.time() - time.monotonic() if epoch is None else epoch
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._in_flight: dict[str, WatchedBuild] = {}
        self._ended: deque[WatchedBuild] = deque(maxlen=_MOST_ENDED)
        self._open: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._results: Counter[str] = Counter()
        self._away: Counter[str] = Counter()
        self._cached = self._steps = self._retries = 0
        self._seconds = 0.0
        self._buckets = [0] * (len(BUCKETS) + 1)

    # -- reports of builds

    def begins(self, ref: str, key: Key, who: str) -> None:
        """A client's build starts to look for a daemon."""
        build = WatchedBuild(
            number=next(self._numbers),
            ref=_told(ref),
            key=_told(key.key),
            rule=key.rule,
            who=_told(who),
            begun=self._epoch + self._clock(),
        )
        with self._lock:
            if len(self._in_flight) < _MOST_IN_FLIGHT:
                self._in_flight[ref] = build

    def heard(self, ref: str, event: Event) -> None:
        """Take an event of a build."""
        with self._lock:
            if (build := self._in_flight.get(ref)) is None:
                return
            match event:
                case Attempt():
                    changed = replace(build, daemon=event.daemon, place=event.place)
                    if event.number > build.attempt:
                        changed = _again(changed, event.number)
                        self._retries += 1
                case Notice(level="warning" | "info"):
                    changed = replace(build, note=_told(event.text))
                case _:
                    return
            self._in_flight[ref] = changed

    def placed(self, ref: str, daemon: str) -> None:
        """A daemon has the build now."""
        with self._lock:
            if (build := self._in_flight.get(ref)) is not None:
                waited = build.waited
                if waited is None:
                    waited = self._epoch + self._clock() - build.begun
                self._in_flight[ref] = replace(build, state="building", daemon=daemon, waited=waited)

    def ended(self, ref: str, error: RouterError | None) -> None:
        """The build is over."""
        with self._lock:
            if (build := self._in_flight.pop(ref, None)) is None:
                return
            was_placed = build.waited is not None
            build = replace(
                build,
                state=_result(error, was_placed),
                seconds=max(self._epoch + self._clock() - build.begun, 0.0),
                error="" if error is None else _told(str(error)),
                step="",
                done=None,
                total=None,
            )
            self._results[build.state] += 1
            if was_placed and build.place is not None and build.place.number > 1:
                self._away[_kind(build.place.reason)] += 1
            if build.state == "completed":
                build = self._completed(ref, build)
            self._ended.appendleft(build)

    def _completed(self, ref: str, build: WatchedBuild) -> WatchedBuild:
        seconds = build.seconds or 0.0
        self._seconds += seconds
        self._buckets[bisect_left(BUCKETS, seconds)] += 1
        _remember(self._open, ref, (build.daemon, 0), _MOST_OPEN)
        known = (build.key, build.daemon)
        first = known not in self._known
        _remember(self._known, known, None, _MOST_KNOWN)
        return replace(build, first=first)

    # -- reports of daemons

    def progress(self, ref: str, done: int, total: int, step: str) -> None:
        """So many steps of a build in flight are done, and ``step`` is running."""
        with self._lock:
            if (build := self._in_flight.get(ref)) is not None:
                step = _told(step)
                self._in_flight[ref] = replace(build, done=done, total=total, step=step)

    def unsettled(self, daemon: str) -> tuple[str, ...]:
        """Return a daemon's builds whose warmth is unknown yet, by ref; each only for some calls."""
        with self._lock:
            found = [ref for ref, (name, _) in self._open.items() if name == daemon]
            for ref in found:
                looks = self._open[ref][1] + 1
                if looks < _MOST_LOOKS:
                    self._open[ref] = (daemon, looks)
                else:
                    del self._open[ref]
        return tuple(found)

    def settle(self, ref: str, cached: int, total: int) -> None:
        """So many of all the steps of a successful build were cached."""
        with self._lock:
            self._open.pop(ref, None)
            self._cached += cached
            self._steps += total
            self._change(ref, lambda build: replace(build, cached=cached, total=total))

    def cold(self, refs: Iterable[str]) -> tuple[str, ...]:
        """Return which of these builds were not warm."""
        wanted = frozenset(map(_told, refs))
        with self._lock:
            ended = tuple(self._ended)
        warm = warm_builds(ended)
        return tuple(
            each.ref
            for each in ended
            if each.ref in wanted and each.cached is not None and each.number not in warm
        )

    def missed(self, ref: str, step: str) -> None:
        """Set the first step that ran in a build that was not warm."""
        with self._lock:
            self._change(ref, lambda build: replace(build, missed=_told(step)))

    # -- the state for display

    def picture(self) -> Picture:
        """Return the current state."""
        with self._lock:
            in_flight = tuple(self._in_flight.values())
            waiting = sum(build.state == "waiting" for build in in_flight)
            counts = Counts(
                results=dict(self._results),
                spills=self._away["spill"],
                failovers=self._away["failover"],
                unfit=self._away["unfit"],
                retries=self._retries,
                cached=self._cached,
                steps=self._steps,
                seconds=self._seconds,
                buckets=tuple(self._buckets),
                building=len(in_flight) - waiting,
                waiting=waiting,
            )
            return Picture(in_flight=in_flight, ended=tuple(self._ended), counts=counts)

    def _change(self, ref: str, change: Callable[[WatchedBuild], WatchedBuild]) -> None:
        shown = _told(ref)
        for number, build in enumerate(self._ended):
            if build.ref == shown:
                self._ended[number] = change(build)
                return


def _told(text: str) -> str:
    """Return a text from clients or daemons for display to everybody who can open the page."""
    return shortened(without_passwords(text), _LONGEST)


def _result(error: RouterError | None, was_placed: bool) -> BuildState:
    match error:
        case None:
            return "completed"
        case CancelledError():
            return "canceled"
        case BuildError():
            return "failed"
        case UnreachableError() | NotRetriedError() if was_placed:
            return "lost"
        case _:
            return "failed" if was_placed else "unplaced"


def _again(build: WatchedBuild, attempt: int) -> WatchedBuild:
    """Return the record of a lost build for its next attempt."""
    return replace(build, state="waiting", attempt=attempt, done=None, total=None, step="")


def _kind(reason: str) -> str:
    return "spill" if reason in _SPILLS else "failover" if reason in _FAULTS else "unfit"


def _remember(kept: OrderedDict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
