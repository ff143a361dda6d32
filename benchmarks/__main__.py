"""Run the benchmarks and print a table in Markdown: medians, and ratios against the peers.

    python -m benchmarks [--turns 5] [--only NAME]

The daemon's root is on tmpfs, because a disk hides the client. The tools take turns, each first send on a
daemon that was just started.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import trees
from benchmarks.tools import Run, Tool, measure, tools
from tests.servers import binaries
from tests.servers.buildkitd import start_buildkitd
from tests.servers.ports import free_port

Results = dict[str, list[Run]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where the benchmarks happen: contexts on disk, the daemon's root on tmpfs, one port for all daemons."""

    contexts: Path
    memory: Path
    port: int
    tools: tuple[Tool, ...]

    @contextmanager
    def daemon(self) -> Iterator[str]:
        """Yield the address of a daemon that knows nothing yet."""
        directory = self.memory / "daemon"
        try:
            with start_buildkitd(directory, unix=False, port=self.port) as daemon:
                yield daemon.address
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _cached(bench: Bench, turns: int) -> Results:
    context = trees.small(bench.contexts / "small")
    results: Results = {tool.name: [] for tool in bench.tools}
    with bench.daemon():
        for turn in range(turns * 4 + 1):
            for tool in bench.tools:
                run = measure(tool.build(context), tool.environment)
                if turn:
                    results[tool.name].append(run)
    return results


def _first_send(bench: Bench, turns: int, context: Path) -> Results:
    results: Results = {tool.name: [] for tool in bench.tools}
    for turn in range(turns):
        for tool in bench.tools:
            with bench.daemon() as address:
                results[tool.name].append(measure(tool.build(context), tool.environment))
                if turn == 0:
                    trees.check_arrived(context, binaries.buildctl(), address)
    return results


def _unchanged(bench: Bench, turns: int, context: Path) -> Results:
    results: Results = {tool.name: [] for tool in bench.tools}
    with bench.daemon():
        for tool in bench.tools:
            measure(tool.build(context), tool.environment)
        for _ in range(turns):
            for tool in bench.tools:
                results[tool.name].append(measure(tool.build(context), tool.environment))
    return results


def _works(bench: Bench) -> dict[str, tuple[str, Callable[[int], Results]]]:
    def many() -> Path:
        path = bench.contexts / "many"
        return path if path.exists() else trees.many_files(path)

    return {
        "cached": ("cached small build, whole command", lambda turns: _cached(bench, turns)),
        "again": ("unchanged context of 100,000 files", lambda turns: _unchanged(bench, turns, many())),
        "first": ("first send of 100,000 files", lambda turns: _first_send(bench, turns, many())),
        "large": (
            "first send of one 512 MB file",
            lambda turns: _first_send(bench, turns, trees.large_file(bench.contexts / "large")),
        ),
    }


def _row(title: str, results: Results) -> str:
    ours = _median(results["warmroute"])
    cells = [title]
    for name, runs in results.items():
        median = _median(runs)
        ratio = "" if name == "warmroute" else f" ({ours.wall / median.wall:.2f} x)"
        cells.append(f"{median.wall:.2f} s, {median.cpu:.2f} cpu, {median.peak:.0f} MB{ratio}")
    return f"| {' | '.join(cells)} |"


def _median(runs: list[Run]) -> Run:
    return Run(
        wall=statistics.median(run.wall for run in runs),
        cpu=statistics.median(run.cpu for run in runs),
        peak=statistics.median(run.peak for run in runs),
    )


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", action="append", help="cached, again, first, large")
    arguments = parser.parse_args()
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="warmroute-bench-") as contexts,
        tempfile.TemporaryDirectory(prefix="warmroute-bench-", dir="/dev/shm") as memory,
    ):
        bench = Bench(
            contexts=Path(contexts),
            memory=Path(memory),
            port=port,
            tools=tools(f"tcp://127.0.0.1:{port}", Path(contexts)),
        )
        print(f"| work | {' | '.join(tool.name for tool in bench.tools)} |")
        print(f"|---|{'---|' * len(bench.tools)}")
        for name, (title, run) in _works(bench).items():
            if not arguments.only or name in arguments.only:
                print(f"{title} ...", file=sys.stderr)
                print(_row(title, run(arguments.turns)), flush=True)


if __name__ == "__main__":
    main()
