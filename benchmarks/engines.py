"""Both engines of gRPC beside each other; prints a table in Markdown, medians.

    python -m benchmarks.engines [--turns 5]

The daemon's root is on tmpfs, the engines take turns, and each first send goes to a daemon that was just
started.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import trees
from benchmarks.tools import Run, installed, measure, median
from tests.servers.buildkitd import start_buildkitd
from tests.servers.ports import free_port

_ENGINES = ("builtin", "grpcio")
_MEGABYTES = 512


class _Bench:
    def __init__(self, folder: Path, memory: Path) -> None:
        self._program = installed(folder / "venv", extras="grpcio")
        self._daemon = memory / "daemon"
        self._port = free_port()

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """Run a daemon that knows nothing yet."""
        try:
            with start_buildkitd(self._daemon, unix=False, port=self._port):
                yield
        finally:
            shutil.rmtree(self._daemon, ignore_errors=True)

    def build(self, context: Path, engine: str) -> Run:
        """Build a context and throw the result away."""
        address = f"tcp://127.0.0.1:{self._port}"
        argv = (str(self._program), "build", "--addr", address, "--grpc-engine", engine)
        return measure((*argv, "--progress", "plain", str(context)), {})

    def cached(self, context: Path, turns: int) -> dict[str, list[Run]]:
        """Build what the daemon has built already."""
        runs: dict[str, list[Run]] = {engine: [] for engine in _ENGINES}
        with self.daemon():
            for turn in range(turns * 4 + 1):
                for engine, found in runs.items():
                    run = self.build(context, engine)
                    if turn:
                        found.append(run)
        return runs

    def first_send(self, context: Path, turns: int) -> dict[str, list[Run]]:
        """Send a context to daemons that know nothing of it."""
        runs: dict[str, list[Run]] = {engine: [] for engine in _ENGINES}
        for _ in range(turns):
            for engine, found in runs.items():
                with self.daemon():
                    found.append(self.build(context, engine))
        return runs


def _row(work: str, engine: str, runs: Sequence[Run], ours: Run) -> str:
    run = median(runs)
    return (
        f"| {work}, `--grpc-engine {engine}` | {run.wall:.2f} s | {run.cpu:.2f} s | {run.peak:.0f} MB"
        f" | {run.wall / ours.wall:.2f} x |"
    )


def main() -> None:
    """Print a row for each work and engine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    with (
        tempfile.TemporaryDirectory(prefix="warmroute-bench-") as folder,
        tempfile.TemporaryDirectory(prefix="warmroute-bench-", dir="/dev/shm") as memory,
    ):
        bench = _Bench(Path(folder), Path(memory))
        small = trees.small(Path(folder) / "small")
        large = trees.large_file(Path(folder) / "large", megabytes=_MEGABYTES)
        print("| work | wall | cpu | memory | to the builtin engine |")
        print("|---|---|---|---|---|")
        works: dict[str, Callable[[], dict[str, list[Run]]]] = {
            "cached small build": lambda: bench.cached(small, turns),
            f"first send of one {_MEGABYTES} MB file": lambda: bench.first_send(large, turns),
        }
        for work, measured in works.items():
            print(f"{work} ...", file=sys.stderr)
            runs = measured()
            for engine, found in runs.items():
                print(_row(work, engine, found, median(runs["builtin"])), flush=True)


if __name__ == "__main__":
    main()
