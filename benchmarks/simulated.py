"""The simulation beside real daemons under load: how warm the same builds are; prints a table in Markdown.

    python -m benchmarks.simulated [--seeds 3] [--builds 60]

Builds arrive at random on three buildkitds, several at a time, by keys in a Zipf order; each key has a step
that takes four seconds when it is cold. The simulation gets the same arrivals, and the medians of how long
the real builds took.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from router import BuildRequest, BuildResult, BuildRouter, RouterConfig
from router.failover import Policy
from router.model.frozen import replace
from router.simulation.arrivals import Arrival, arrivals
from router.simulation.given import invented_keys, parse_daemon_names
from router.simulation.model import Traffic
from router.simulation.outcome import Outcome
from router.simulation.replay import Story, replay
from tests.addressed import addressed
from tests.e2e.builder import SEARCH_PATH, small_busybox, write_tree
from tests.servers.buildkitd import start_buildkitd
from tests.servers.registry import start_registry

_DAEMONS = parse_daemon_names(["d:3"])
_KEYS = invented_keys("15")
_EVERY, _SLEEP, _BOUND = 1.2, 4, 2
_CONFIG = RouterConfig(max_builds=_BOUND)


def _really(builds: tuple[Arrival, ...], config: RouterConfig, base: str, scratch: Path) -> list[BuildResult]:
    """Build each when it arrives; return the results in that order."""
    began = time.monotonic()

    def build(numbered: tuple[int, Arrival]) -> BuildResult:
        number, arrival = numbered
        dockerfile = f"FROM {base}\nRUN : {scratch.name} {arrival.key}; sleep {_SLEEP}\n"
        context = write_tree(scratch / str(number), {"Dockerfile": dockerfile})
        router = BuildRouter(
            replace(config, key=arrival.key), environment={"PATH": SEARCH_PATH, "HOME": "/nonexistent"}
        )
        time.sleep(max(began + arrival.at - time.monotonic(), 0.0))
        return router.build(BuildRequest(context=str(context)))

    with ThreadPoolExecutor(len(builds)) as pool:
        return list(pool.map(build, enumerate(builds)))


def _simulated(builds: tuple[Arrival, ...], results: list[BuildResult], seed: int) -> Outcome:
    took = {
        warm: statistics.median(each.seconds for each in results if _is_warm(each) == warm)
        for warm in (True, False)
    }
    policy = Policy(max_builds=_CONFIG.max_builds, spill=_CONFIG.spill)
    timed = [replace(arrival, cold=took[False], warm=took[True]) for arrival in builds]
    return replay(Story(daemons=_DAEMONS, placement="ring", policy=policy, arrivals=timed, seed=seed))


def _is_warm(result: BuildResult) -> bool:
    return result.cached == result.steps


def _row(seed: int, count: int) -> str:
    builds = arrivals(_KEYS, Traffic(builds=count, every=_EVERY), seed)
    with tempfile.TemporaryDirectory(prefix="warmroute-simulated-") as folder, ExitStack() as servers:
        registry = servers.enter_context(start_registry(Path(folder, "registry")))
        base = registry.push(small_busybox(), "busybox")
        addresses = addressed(
            *(
                (daemon.name, servers.enter_context(start_buildkitd(Path(folder, daemon.name))).address)
                for daemon in _DAEMONS
            )
        )
        results = _really(builds, replace(_CONFIG, addresses=addresses), base, Path(folder, "contexts"))
    outcome = _simulated(builds, results, seed)
    keys = [arrival.key for arrival in builds]
    repeats = [_is_warm(each) for number, each in enumerate(results) if keys[number] in keys[:number]]
    real, simulated = sum(repeats) / len(repeats), outcome.warm_repeats
    home = sum(each.place.number == 1 for each in results) / len(results)
    shares = (real, simulated, abs(real - simulated), home, outcome.at_home)
    return f"| {seed} | {' | '.join(f'{share * 100:.1f} %' for share in shares)} |"


def main() -> None:
    """Print a row for each seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulated", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--builds", type=int, default=60)
    arguments = parser.parse_args()
    print("| seed | warm repeats, real | simulated | apart | at home, real | simulated |")
    print("|---|---|---|---|---|---|")
    for seed in range(arguments.seeds):
        print(_row(seed, arguments.builds), flush=True)


if __name__ == "__main__":
    main()
