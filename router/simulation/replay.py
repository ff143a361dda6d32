"""Play builds through a fleet: a clock that jumps from event to event, and daemons that remember.

Which daemon gets a build is not decided here: ``router.placement.order`` ranks, ``router.failover`` says what
is done when one is busy, lost the build, or is away. A build is warm where its daemon has built the key
before. One that begins while the daemon still builds the same key cold shares those steps: it is cold too,
and ends with them at the earliest. What real builds have besides is left out: a daemon is as fast with many
builds as with one, nothing is pruned, and a listing tells at once who is ready.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import assert_never

from router.failover import (
    Broke,
    Course,
    End,
    Happening,
    Line,
    Listed,
    Look,
    Policy,
    Rank,
    Room,
    Tried,
    Try,
    Warm,
    after,
    next_step,
)
from router.model.daemon import Candidate, Daemon
from router.model.frozen import frozen, replace
from router.model.routing import Placement
from router.placement.order import order
from router.simulation.arrivals import Arrival, Change, Down, Resized, Up
from router.simulation.outcome import Built, Outcome, Seat

__all__ = ["Story", "replay"]

# Seconds before a lost build is retried: as ``router.attempts`` waits, without its jitter.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0


@frozen
class Story:
    """Everything that happens, except for what becomes of the builds."""

    daemons: tuple[Daemon, ...]
    placement: Placement
    policy: Policy
    arrivals: Sequence[Arrival]
    changes: Sequence[Change] = ()
    seed: int = 0


def replay(story: Story) -> Outcome:
    """Play a story to its end; the same one always ends in the same way."""
    return _Replay(story).run()


class _Build:
    """One build under way."""

    def __init__(self, arrival: Arrival, *, repeat: bool) -> None:
        self.arrival = arrival
        self.repeat = repeat
        self.course = Course()
        self.order: Sequence[Candidate] = ()
        self.daemon: Daemon | None = None
        self.warm = False
        self.begun = 0.0
        self.ends = 0.0
        self.bounds: tuple[tuple[Daemon, int], ...] = ()
        self.line_ends: float | None = None

    def happened(self, happening: Happening) -> None:
        self.course = after(self.course, happening)


class _Host:
    """A simulated daemon: its builds and the keys in its cache."""

    def __init__(self, now: float) -> None:
        self.up = True
        self.builds: list[_Build] = []
        self.cache: set[str] = set()
        self.largest = 0
        self.busy = 0.0
        self.there = 0.0
        self._since = now

    def knows(self, key: str) -> bool:
        """Say whether it has built a key, or is building it."""
        return key in self.cache or any(build.arrival.key == key for build in self.builds)

    def pass_time(self, now: float) -> None:
        """Count the time until now, before anything changes."""
        if self.up:
            self.there += now - self._since
            self.busy += (now - self._since) * len(self.builds)
        self._since = now


class _Replay:
    def __init__(self, story: Story) -> None:
        self._story = story
        self._policy = story.policy
        self._chance = Random(story.seed)  # noqa: S311 -- nothing is secret
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._planned = 0
        self._hosts: dict[str, _Host] = {}
        self._daemons: tuple[Daemon, ...] = ()
        self._ranked: dict[str, tuple[Candidate, ...]] = {}
        self._asked: set[str] = set()
        self._in_line: list[_Build] = []
        self._built: list[Built] = []
        self._failed = self._lost = 0
        self._enlist(story.daemons)

    def run(self) -> Outcome:
        for change in self._story.changes:
            self._plan(change.at, partial(self._change, change))
        for arrival in self._story.arrivals:
            self._plan(arrival.at, partial(self._arrive, arrival))
        while len(self._built) + self._failed < len(self._story.arrivals):
            self._now, _, happen = heapq.heappop(self._events)
            happen()
        for host in self._hosts.values():
            host.pass_time(self._now)
        seats = {
            name: Seat(largest=host.largest, busy=host.busy, there=host.there)
            for name, host in self._hosts.items()
        }
        return Outcome(builds=tuple(self._built), failed=self._failed, lost=self._lost, seats=seats)

    def _plan(self, at: float, happen: Callable[[], None]) -> None:
        self._planned += 1
        heapq.heappush(self._events, (at, self._planned, happen))

    # What happens to the fleet.

    def _change(self, change: Change) -> None:
        match change:
            case Down(daemon=name, loses_cache=loses_cache):
                if loses_cache and name in self._hosts:
                    self._hosts[name].cache.clear()
                self._set_up(name, up=False)
            case Up(daemon=name):
                self._set_up(name, up=True)
            case Resized(daemons=daemons):
                self._enlist(daemons)
            case _:
                assert_never(change)
        self._serve_line()

    def _set_up(self, name: str, *, up: bool) -> None:
        if name not in {daemon.name for daemon in self._daemons}:
            return
        self._turn(name, up=up)
        self._list(self._daemons)

    def _enlist(self, daemons: Sequence[Daemon]) -> None:
        before = {daemon.name for daemon in self._daemons}
        names = {daemon.name: daemon for daemon in daemons}
        for name in names:
            self._hosts.setdefault(name, _Host(self._now))
            if name not in before:
                self._turn(name, up=True)
        for name in sorted(before - names.keys()):
            self._turn(name, up=False)
        self._list(daemons)

    def _list(self, daemons: Sequence[Daemon]) -> None:
        """Take note of the fleet as a listing has it from now on."""
        self._daemons = tuple(replace(daemon, ready=self._hosts[daemon.name].up) for daemon in daemons)
        self._ranked.clear()

    def _turn(self, name: str, *, up: bool) -> None:
        host = self._hosts[name]
        host.pass_time(self._now)
        host.up = up
        if up:
            return
        lost, host.builds = host.builds, []
        self._lost += len(lost)
        for build in lost:
            assert build.daemon is not None
            build.happened(Tried(daemon=build.daemon, fault="lost", at=self._now))
            build.daemon = None
            self._go_on(build)

    # What happens to a build.

    def _arrive(self, arrival: Arrival) -> None:
        build = _Build(arrival, repeat=arrival.key in self._asked)
        self._asked.add(arrival.key)
        self._go_on(build)

    def _go_on(self, build: _Build) -> None:
        while True:
            step = next_step(build.course, self._policy, self._now)
            match step:
                case Rank():
                    if build.course.stage != "new":
                        pause = min(_FIRST_PAUSE * 2.0 ** (build.course.losses - 1), _LONGEST_PAUSE)
                        self._plan(self._now + pause, partial(self._rank_again, build))
                        return
                    self._rank(build)
                case Try():
                    if self._try(build, self._one_of(step.among), step):
                        return
                case Look(among=among):
                    build.happened(Warm(names=self._warm(build.arrival.key, among)))
                case Line(bounds=bounds):
                    self._join_line(build, bounds)
                    return
                case End():
                    self._failed += 1
                    return
                case _:
                    assert_never(step)

    def _rank_again(self, build: _Build) -> None:
        self._rank(build)
        self._go_on(build)

    def _rank(self, build: _Build) -> None:
        key = build.arrival.key
        if key not in self._ranked:
            self._ranked[key] = order(key, self._daemons, self._story.placement)
        build.order, build.line_ends = self._ranked[key], None
        fit = tuple(candidate.daemon for candidate in build.order if candidate.fit)
        build.happened(Listed(fit=fit) if fit else Broke(waitable=True))

    def _one_of(self, among: Sequence[Daemon]) -> Daemon:
        return among[0] if len(among) == 1 else self._chance.choice(among)

    def _warm(self, key: str, among: Sequence[Daemon]) -> tuple[str, ...]:
        hosts = {daemon.name: self._hosts[daemon.name] for daemon in among}
        return tuple(name for name, host in hosts.items() if host.up and key in host.cache)

    def _try(self, build: _Build, daemon: Daemon, step: Try) -> bool:
        """Say whether the daemon takes the build: as real ones, it counts those that were begun before."""
        host, bound = self._hosts[daemon.name], step.bound
        if not host.up:
            build.happened(Tried(daemon=daemon, fault="unreached", temporary=True))
        elif bound and len(host.builds) >= bound:
            build.happened(Tried(daemon=daemon, fault="busy", builds=len(host.builds)))
        elif step.warm_only and not host.knows(build.arrival.key):
            build.happened(Tried(daemon=daemon, fault="cold"))
        else:
            self._begin(build, daemon, host)
            return True
        return False

    def _begin(self, build: _Build, daemon: Daemon, host: _Host) -> None:
        arrival = build.arrival
        host.pass_time(self._now)
        build.daemon, build.begun = daemon, self._now
        build.warm = arrival.key in host.cache
        if build.warm:
            build.ends = self._now + arrival.warm
        elif shared := [each.ends for each in host.builds if each.arrival.key == arrival.key]:
            build.ends = max(self._now + arrival.warm, min(shared))
        else:
            build.ends = self._now + arrival.cold
        host.builds.append(build)
        host.largest = max(host.largest, len(host.builds))
        self._plan(build.ends, partial(self._end, build, build.begun))

    def _end(self, build: _Build, begun: float) -> None:
        daemon = build.daemon
        if daemon is None or build.begun != begun:
            return  # it was lost meanwhile
        host = self._hosts[daemon.name]
        host.pass_time(self._now)
        host.builds.remove(build)
        host.cache.add(build.arrival.key)
        names = [candidate.daemon.name for candidate in build.order]
        self._built.append(
            Built(
                key=build.arrival.key,
                daemon=daemon.name,
                choice=names.index(daemon.name) + 1,
                warm=build.warm,
                repeat=build.repeat,
                waited=build.begun - build.arrival.at,
                seconds=self._now - build.arrival.at,
            )
        )
        self._serve_line()

    # Who waits in line. Real clients look for themselves, those that wait longest most often; here the one
    # that has waited longest always comes first.

    def _join_line(self, build: _Build, bounds: tuple[tuple[Daemon, int], ...]) -> None:
        if build.line_ends is None:
            build.line_ends = self._now + self._policy.queue
        build.bounds = bounds
        self._in_line.append(build)
        self._plan(build.line_ends, partial(self._line_is_over, build))

    def _line_is_over(self, build: _Build) -> None:
        if build in self._in_line and build.line_ends is not None and self._now >= build.line_ends:
            self._leave_line(build, None)

    def _serve_line(self) -> None:
        for build in tuple(self._in_line):
            if build not in self._in_line:
                continue
            free = next((daemon for daemon, bound in build.bounds if self._has_room(daemon, bound)), None)
            if free is not None:
                self._leave_line(build, free)

    def _has_room(self, daemon: Daemon, bound: int) -> bool:
        host = self._hosts[daemon.name]
        return host.up and len(host.builds) < bound

    def _leave_line(self, build: _Build, daemon: Daemon | None) -> None:
        self._in_line.remove(build)
        build.happened(Room(daemon=daemon))
        self._go_on(build)
