"""How simultaneous builds spread over daemons, with and without a bound; prints a table in Markdown.

    python -m benchmarks.spread

24 builds of one hot key and 12 of others begin at the same moment on three buildkitds; each has a step of
two seconds. The numbers come from the daemons' own histories.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from router import RouterConfig
from tests.e2e.builder import small_busybox
from tests.e2e.spread import Spread, spread
from tests.servers.buildkitd import start_buildkitd
from tests.servers.registry import start_registry

_HOT, _OTHERS, _BOUND = 24, 12, 4

_RUNS = {
    "no bound": RouterConfig(max_builds=0),
    f"--max-builds {_BOUND}": RouterConfig(max_builds=_BOUND),
    f"--max-builds {_BOUND} --queue 5m": RouterConfig(max_builds=_BOUND, queue=300.0),
}


def _row(name: str, seen: Spread) -> str:
    largest = ", ".join(map(str, sorted(seen.largest.values(), reverse=True)))
    begun = max(seen.begun.values())
    return f"| {name} | {largest} | {begun} | {seen.at_home:.0%} | {seen.seconds:.1f} s |\n"


def main() -> None:
    """Run all, and print a row for each."""
    sys.stdout.write(
        "| | builds in flight at most, on each daemon | with those taken back | hot builds at home"
        " | all done after |\n"
        "|---|---|---|---|---|\n"
    )
    for name, config in _RUNS.items():
        with tempfile.TemporaryDirectory(prefix="warmroute-spread-") as folder, ExitStack() as servers:
            registry = servers.enter_context(start_registry(Path(folder, "registry")))
            base = registry.push(small_busybox(), "busybox")
            addresses = {
                f"d{number}": servers.enter_context(start_buildkitd(Path(folder, str(number)))).address
                for number in range(3)
            }
            seen = spread(
                addresses, config, hot=_HOT, others=_OTHERS, base=base, scratch=Path(folder, "contexts")
            )
        sys.stdout.write(_row(name, seen))


if __name__ == "__main__":
    main()
