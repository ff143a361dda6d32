"""The simulation beside real daemons: the same builds in the same order, one restarted and one busy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Self

import pytest

from router import BuildRequest, BuildResult, RouterConfig
from router.failover import Policy
from router.placement.order import order
from router.simulation.arrivals import Arrival, Down, Up, arrivals
from router.simulation.given import invented_keys, parse_daemon_names
from router.simulation.model import Traffic
from router.simulation.outcome import Built
from router.simulation.replay import Story, replay
from tests.addressed import addressed
from tests.e2e.builder import Builder, write_tree
from tests.e2e.test_load import busy
from tests.servers.buildkitd import Buildkitd, start_buildkitd

DAEMONS = parse_daemon_names(["d:3"])
KEYS = invented_keys("8")
SEED = 5
# By the number of the build that comes next: one daemon is away, then another has as much to do as it may.
AWAY, BUSY = range(8, 16), range(19, 26)
BUILDS = [arrival.key for arrival in arrivals(KEYS, Traffic(builds=32), SEED)]


def _home(key: str) -> str:
    return order(key, DAEMONS)[0].daemon.name


RESTARTED = _home("key-1")
HELD = next(home for key in KEYS if (home := _home(key.key)) != RESTARTED)
# What keeps the daemon busy in the simulation.
HOLDER = next(key for number in range(100) if _home(key := f"held-{number}") == HELD)


class _Real:
    """Three daemons, of which one at a time is stopped or kept busy."""

    def __init__(self, scratch: Path, busybox: str) -> None:
        self._scratch = scratch
        self._busybox = busybox
        self._daemons: dict[str, Buildkitd] = {}

    def __enter__(self) -> Self:
        for daemon in DAEMONS:
            self._daemons[daemon.name] = start_buildkitd(self._scratch / daemon.name, unix=False)
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in self._daemons.values():
            daemon.stop()

    def build(self, number: int, key: str) -> BuildResult:
        """Build a key, always the same: a step of its own, in the daemon's cache or not."""
        context = write_tree(
            self._scratch / "contexts" / key,
            {"Dockerfile": f"FROM {self._busybox}\nRUN echo {key} > /key\nRUN cat /key\n"},
        )
        addresses = addressed(*((name, daemon.address) for name, daemon in self._daemons.items()))
        config = RouterConfig(addresses=addresses, max_builds=1, key=key)
        builder = Builder(config=config, scratch=self._scratch / str(number))
        return builder.build(BuildRequest(context=str(context)))

    @contextmanager
    def away(self, name: str) -> Iterator[None]:
        """Stop a daemon for a while; it comes back where it was, with its cache."""
        daemon = self._daemons[name]
        daemon.stop()
        yield
        self._daemons[name] = start_buildkitd(self._scratch / name, unix=False, port=daemon.port)

    def held(self, name: str) -> AbstractContextManager[None]:
        """Give a daemon as much to do as it may have."""
        return busy(self._daemons[name].address, self._busybox, self._scratch, seconds=600.0)


def _really_built(scratch: Path, busybox: str) -> list[BuildResult]:
    results: list[BuildResult] = []
    with _Real(scratch, busybox) as real, ExitStack() as meanwhile:
        for number, key in enumerate(BUILDS):
            if number in {AWAY.stop, BUSY.stop}:
                meanwhile.close()
            if number == AWAY.start:
                meanwhile.enter_context(real.away(RESTARTED))
            if number == BUSY.start:
                meanwhile.enter_context(real.held(HELD))
            results.append(real.build(number, key))
    return results


def _simulated() -> list[Built]:
    """Play the same: a build every 100 s, which takes less, so that each ends before the next begins."""
    builds = [Arrival(at=100.0 * number, key=key, cold=10.0, warm=1.0) for number, key in enumerate(BUILDS)]
    held = 100.0 * len(BUSY)
    holding = Arrival(at=100.0 * BUSY.start - 50, key=HOLDER, cold=held, warm=held)
    changes = (
        Down(at=100.0 * AWAY.start - 50, daemon=RESTARTED),
        Up(at=100.0 * AWAY.stop - 50, daemon=RESTARTED),
    )
    outcome = replay(
        Story(
            daemons=DAEMONS,
            placement="ring",
            policy=Policy(max_builds=1, spill="warm"),
            arrivals=[*builds, holding],
            changes=changes,
        )
    )
    assert outcome.failed == outcome.lost == 0
    return [build for build in outcome.builds if build.key != HOLDER]


def _warm_share(warm: list[bool]) -> float:
    """Return the share of builds that were warm, of those whose key had been built before."""
    repeats = [each for number, each in enumerate(warm) if BUILDS[number] in BUILDS[:number]]
    return sum(repeats) / len(repeats)


@pytest.mark.timeout(600)
def test_the_simulation_is_as_warm_as_real_daemons(busybox: str, tmp_path: Path) -> None:
    real, simulated = _really_built(tmp_path, busybox), _simulated()

    assert {result.steps for result in real} == {2}
    assert [result.daemon for result in real] == [build.daemon for build in simulated]
    share = _warm_share([result.cached == result.steps for result in real])
    assert abs(share - _warm_share([build.warm for build in simulated])) <= 0.05
    # It was worth comparing: some of the repeats were cold, on a daemon that stood in.
    assert 0.5 < share < 0.95
    assert {result.daemon for result in real if result.key == "key-1"} - {RESTARTED}
