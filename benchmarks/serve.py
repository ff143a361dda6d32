"""What `warmroute serve` costs: the same client through the endpoint and straight to the daemon, in one run.

    python -m benchmarks.serve [--turns 5] [--only NAME] [--connections 500] [--minutes 30]

Prints a table in Markdown: medians, and the ratio of both. The daemons' roots are on tmpfs, both ways take
turns, and in the first turn of each transfer what arrived is compared byte by byte.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import trees
from benchmarks.crowd import at_once, idle
from benchmarks.served import Endpoint, buildctl, buildx, served
from benchmarks.soak import soak
from benchmarks.tools import Run, Tool, installed, measure, median
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.ports import free_port

_CROWD_DAEMONS = 6
_HEAD = ("| work | straight | through the endpoint | ratio | the endpoint |", "|---|---|---|---|---|")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where it happens: contexts on disk, the daemon's root on tmpfs, one port for all its lives."""

    contexts: Path
    memory: Path
    port: int
    program: Path
    turns: int

    @property
    def address(self) -> str:
        """The daemon's address."""
        return f"tcp://127.0.0.1:{self.port}"

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """Run a daemon that knows nothing yet."""
        directory = self.memory / "daemon"
        try:
            with start_buildkitd(directory, unix=False, port=self.port):
                yield
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def fleet(self, size: int) -> Iterator[Sequence[Buildkitd]]:
        """Run several daemons."""
        with ExitStack() as stack:
            yield [
                stack.enter_context(start_buildkitd(self.memory / f"d{number}", unix=False))
                for number in range(size)
            ]

    @contextmanager
    def endpoint(self) -> Iterator[Endpoint]:
        """Serve the daemon."""
        with served(self.program, [self.address], self.contexts) as endpoint:
            yield endpoint

    def pair(self, client: str, endpoint: Endpoint) -> tuple[Tool, Tool]:
        """Return a client straight to the daemon, and the same one through the endpoint."""
        if client == "buildctl":
            return buildctl(self.address), buildctl(endpoint.address)
        return (
            buildx(self.address, "straight", self.contexts),
            buildx(endpoint.address, "through", self.contexts),
        )


@dataclass(frozen=True, kw_only=True)
class Row:
    """Both ways of one work, and the CPU seconds of the endpoint for one build."""

    straight: Sequence[Run]
    through: Sequence[Run]
    cpu: float

    def __str__(self) -> str:
        straight, through = median(self.straight), median(self.through)
        more = (through.wall - straight.wall) * 1000
        ratio = f"{through.wall / straight.wall:.2f} x, {more:+.0f} ms"
        return f"{straight.wall:.3f} s | {through.wall:.3f} s | {ratio} | {self.cpu:.3f} cpu a build |"


def _cached(bench: Bench, client: str) -> Row:
    context = trees.small(bench.contexts / f"small-{client}")
    return _repeated(bench, client, context, turns=bench.turns * 4)


def _unchanged(bench: Bench) -> Row:
    return _repeated(bench, "buildctl", _many(bench), turns=bench.turns)


def _repeated(bench: Bench, client: str, context: Path, *, turns: int) -> Row:
    runs: tuple[list[Run], list[Run]] = ([], [])
    with bench.daemon(), bench.endpoint() as endpoint:
        pair = bench.pair(client, endpoint)
        for tool in pair:
            measure(tool.build(context), tool.environment)
        before = endpoint.cpu
        for _ in range(turns):
            for tool, taken in zip(pair, runs, strict=True):
                taken.append(measure(tool.build(context), tool.environment))
        cpu = (endpoint.cpu - before) / turns
    return Row(straight=runs[0], through=runs[1], cpu=cpu)


def _first_send(bench: Bench, context: Path) -> Row:
    runs: tuple[list[Run], list[Run]] = ([], [])
    cpu = 0.0
    with bench.endpoint() as endpoint:
        for turn in range(bench.turns):
            for tool, taken in zip(bench.pair("buildctl", endpoint), runs, strict=True):
                with bench.daemon():
                    before = endpoint.cpu
                    taken.append(measure(tool.build(context), tool.environment))
                    cpu += endpoint.cpu - before
                    if turn == 0:
                        trees.check_arrived(context, tool)
    return Row(straight=runs[0], through=runs[1], cpu=cpu / bench.turns)


def _many(bench: Bench) -> Path:
    return trees.once(bench.contexts / "many", trees.many_files)


def _large(bench: Bench) -> Path:
    return trees.once(bench.contexts / "large", trees.large_file)


def _works(bench: Bench, connections: int, minutes: float) -> dict[str, tuple[str, Callable[[], object]]]:
    def crowd() -> object:
        with bench.fleet(_CROWD_DAEMONS) as fleet:
            return at_once(bench.program, [each.address for each in fleet], bench.contexts, bench.turns)

    def connected() -> object:
        with bench.daemon():
            return idle(bench.program, bench.address, bench.contexts, connections)

    def soaked() -> object:
        return soak(bench.program, bench.memory, bench.contexts, minutes)

    return {
        "cached": ("cached small build by buildctl", lambda: _cached(bench, "buildctl")),
        "cached-buildx": ("cached small build by buildx", lambda: _cached(bench, "buildx")),
        "large": ("first send of one 512 MB file", lambda: _first_send(bench, _large(bench))),
        "first": ("first send of 100,000 files", lambda: _first_send(bench, _many(bench))),
        "again": ("unchanged context of 100,000 files", lambda: _unchanged(bench)),
        "crowd": ("50 builds at once on 6 daemons", crowd),
        "idle": (f"cached build beside {connections} idle builds, each with a connection", connected),
        "soak": (f"{minutes:g} minutes of small builds with faults", soaked),
    }


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serve",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument(
        "--only", action="append", help="cached, cached-buildx, large ...; default: all but soak"
    )
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=30)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="warmroute-bench-") as contexts,
        tempfile.TemporaryDirectory(prefix="warmroute-bench-", dir="/dev/shm") as memory,
    ):
        bench = Bench(
            contexts=Path(contexts),
            memory=Path(memory),
            port=free_port(),
            program=installed(Path(contexts) / "venv"),
            turns=given.turns,
        )
        print("\n".join(_HEAD))
        for name, (title, run) in _works(bench, given.connections, given.minutes).items():
            if name in given.only if given.only else name != "soak":
                print(f"{title} ...", file=sys.stderr)
                print(f"| {title} | {run()}", flush=True)


if __name__ == "__main__":
    main()
