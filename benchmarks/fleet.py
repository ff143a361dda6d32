"""How warm a fleet stays by different ways to choose a daemon; prints tables in Markdown.

    python -m benchmarks.fleet [--builds 500] [--rate 5] [--only POLICY] [--seed 0]

Six real buildkitds with a cache of their own. An image has a step that takes two seconds unless it is cached,
and a layer of sources that is another in each build. The same builds arrive for each policy: one after the
other in a Zipf order, ten at a time, and while daemons restart in turn and a seventh joins. A policy sees the
daemons that are ready, as by a Service or a label selector.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from router import BuildRequest, BuildResult, BuildRouter, RouterConfig, RouterError
from router.simulation.arrivals import arrivals
from router.simulation.given import invented_keys
from router.simulation.model import Traffic
from tests.addressed import addressed
from tests.e2e.builder import SEARCH_PATH, small_busybox, write_tree
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.registry import start_registry

DAEMONS, _KEYS, _BURST, BOUND = 6, 60, 10, 4
_COLD_SECONDS = 2
# A minute of a real fleet, whose builds take minutes, is a tenth of one here.
RESTART_EVERY, AWAY = 6.0, 1.0
_THREADS = 64
LOADS = ("one by one", "bursts", "churn")

Addresses = tuple[tuple[str, str], ...]


class Fleet:
    """Daemons that can be stopped, started and joined by another."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._lock = threading.Lock()
        self._daemons: dict[str, Buildkitd] = {}
        self._in_flight: Counter[str] = Counter()
        self._ready: dict[str, str] = {}

    def add(self, name: str, port: int | None = None) -> None:
        """Start a daemon; one of that name that was stopped has its cache again."""
        daemon = start_buildkitd(self._scratch / name, unix=False, port=port)
        with self._lock:
            self._daemons[name] = daemon
            self._ready[name] = daemon.address

    def restart(self, name: str, *, away: threading.Event) -> None:
        """Stop a daemon, and start it again after a while; what it builds is lost."""
        with self._lock:
            self._ready.pop(name)
            daemon = self._daemons[name]
        daemon.stop()
        away.wait(AWAY)
        self.add(name, daemon.port)

    def stop(self) -> None:
        """Stop all."""
        for daemon in self._daemons.values():
            daemon.stop()

    @property
    def ready(self) -> Addresses:
        """Those that take builds now."""
        with self._lock:
            return tuple(self._ready.items())

    def least_loaded(self, chance: random.Random) -> Addresses:
        """One of those that have the fewest builds in flight, which counts the build that asks."""
        with self._lock:
            least = min(self._in_flight[name] for name in self._ready)
            name = chance.choice([name for name in self._ready if self._in_flight[name] == least])
            self._in_flight[name] += 1
            return ((name, self._ready[name]),)

    def over(self, name: str) -> None:
        """Count a build less that was sent to the least loaded."""
        with self._lock:
            self._in_flight[name] -= 1


Chooser = Callable[[Fleet, random.Random], RouterConfig]


def _random(fleet: Fleet, chance: random.Random) -> RouterConfig:
    return RouterConfig(addresses=addressed(chance.choice(fleet.ready)), retries=0, max_builds=0)


def _least_loaded(fleet: Fleet, chance: random.Random) -> RouterConfig:
    return RouterConfig(addresses=addressed(*fleet.least_loaded(chance)), retries=0, max_builds=0)


def _routed(config: RouterConfig) -> Chooser:
    return lambda fleet, _chance: replace(config, addresses=addressed(*fleet.ready))


_POLICIES: dict[str, Chooser] = {
    "random (a Service)": _random,
    "least loaded": _least_loaded,
    "ring of buildx": _routed(RouterConfig(placement="buildx", max_builds=0, retries=0)),
    "warmroute, no bound": _routed(RouterConfig(max_builds=0)),
    "warmroute, --spill next": _routed(RouterConfig(max_builds=BOUND, spill="next")),
    "warmroute, --spill warm": _routed(RouterConfig(max_builds=BOUND)),
}


@dataclass(frozen=True, kw_only=True)
class Built:
    """A build from when it was asked for. ``daemon`` is empty where it failed."""

    begun: float
    ended: float
    repeat: bool
    daemon: str = ""
    warm: bool = False


@dataclass(kw_only=True)
class Run:
    """One policy under one load."""

    fleet: Fleet
    choose: Chooser
    base: str
    scratch: Path
    seed: int
    built: list[Built] = field(default_factory=list)

    def build(self, number: int, key: str, *, repeat: bool) -> None:
        """Build a key with sources that no other build has."""
        dockerfile = f"FROM {self.base}\nRUN : {key}; sleep {_COLD_SECONDS}\nCOPY source /source\n"
        context = write_tree(
            self.scratch / str(number), {"Dockerfile": dockerfile, "source": f"{self.scratch} {number}"}
        )
        config = self.choose(self.fleet, random.Random(f"{self.seed} {number}"))
        router = BuildRouter(
            replace(config, key=key), environment={"PATH": SEARCH_PATH, "HOME": "/nonexistent"}
        )
        begun = time.monotonic()
        result: BuildResult | None = None
        try:
            result = router.build(BuildRequest(context=str(context)))
        except RouterError as exc:
            sys.stderr.write(f"{key}: {exc}\n")
        finally:
            if self.choose is _least_loaded:
                self.fleet.over(config.addresses[0][0])
        self.built.append(
            Built(
                begun=begun,
                ended=time.monotonic(),
                repeat=repeat,
                daemon=result.daemon if result else "",
                warm=result is not None and result.cached > 0,
            )
        )


def moments(order: str, builds: int, rate: float, seed: int) -> list[tuple[float, str]]:
    """Return when which key is asked for."""
    traffic = Traffic(builds=builds, every=1 / rate)
    found = [(each.at, each.key) for each in arrivals(invented_keys(str(_KEYS)), traffic, seed)]
    if order != "bursts":
        return found
    return [(number // _BURST * _BURST / rate, key) for number, (_, key) in enumerate(found)]


@contextmanager
def _churn(fleet: Fleet, seconds: float) -> Iterator[None]:
    """Restart daemons in turn meanwhile, and have one more after half of the time."""
    over = threading.Event()

    def churn() -> None:
        joins = time.monotonic() + seconds / 2
        number = 0
        while not over.wait(RESTART_EVERY):
            if time.monotonic() > joins:
                fleet.add(f"d{DAEMONS}")
                joins = float("inf")
            fleet.restart(f"d{number % DAEMONS}", away=over)
            number += 1

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _played(run: Run, moments: Sequence[tuple[float, str]]) -> float:
    """Ask for every build at its moment; return the seconds until the last has ended."""
    seen: set[str] = set()
    began = time.monotonic()
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, (at, key) in enumerate(moments):
            time.sleep(max(began + at - time.monotonic(), 0))
            pool.submit(run.build, number, key, repeat=key in seen)
            seen.add(key)
    return time.monotonic() - began


def _in_flight(built: Sequence[Built]) -> float:
    """Return the builds in flight on the busiest daemon over the mean of all, on the average of the run."""
    seconds: dict[str, float] = {}
    for each in built:
        seconds[each.daemon] = seconds.get(each.daemon, 0.0) + each.ended - each.begun
    seconds.pop("", None)
    return max(seconds.values()) * len(seconds) / sum(seconds.values())


def _row(name: str, built: Sequence[Built], seconds: float) -> str:
    repeats = [each for each in built if each.repeat]
    took = sorted(each.ended - each.begun for each in repeats)
    p50 = statistics.median(took)
    warm = sum(each.warm for each in repeats) / len(repeats)
    p95 = took[int(len(took) * 0.95)]
    failed = sum(not each.daemon for each in built)
    return (
        f"| {name} | {warm:.1%} | {_in_flight(built):.2f} | {p50:.2f} s | {p95:.2f} s | {failed}"
        f" | {seconds:.0f} s |\n"
    )


def _measured(name: str, order: str, options: argparse.Namespace) -> str:
    asked = moments(order, options.builds, options.rate, options.seed)
    assert all(first <= second for (first, _), (second, _) in pairwise(asked))
    with tempfile.TemporaryDirectory(prefix="warmroute-fleet-") as folder, ExitStack() as servers:
        registry = servers.enter_context(start_registry(Path(folder, "registry")))
        base = registry.push(small_busybox(), "busybox")
        fleet = Fleet(Path(folder))
        servers.callback(fleet.stop)
        for number in range(DAEMONS):
            fleet.add(f"d{number}")
        run = Run(
            fleet=fleet,
            choose=_POLICIES[name],
            base=base,
            scratch=Path(folder, "contexts"),
            seed=options.seed,
        )
        if order == "churn":
            servers.enter_context(_churn(fleet, asked[-1][0]))
        return _row(name, run.built, _played(run, asked))


def main() -> None:
    """Run all, and print a table for each load."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet")
    parser.add_argument("--builds", type=int, default=500)
    parser.add_argument("--rate", type=float, default=5.0, help="builds per second")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=list(_POLICIES), action="append")
    parser.add_argument("--load", choices=list(LOADS), action="append")
    options = parser.parse_args()
    for order in options.load or LOADS:
        sys.stdout.write(
            f"\n{order}\n\n| | warm repeats | in flight, busiest over mean | p50 of repeats | p95 of repeats"
            " | failed | all done after |\n|---|---|---|---|---|---|---|\n"
        )
        for name in options.only or _POLICIES:
            sys.stdout.write(_measured(name, order, options))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
