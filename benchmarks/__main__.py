"""Run the benchmarks and print a table in Markdown: medians, and ratios against the peers.

    python -m benchmarks [--turns 5] [--only NAME]

The daemon's root and all outputs are on tmpfs, because a disk hides the client. The tools take turns, each
first send on a daemon that was just started. In the first turn what arrived is compared byte by byte.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import trees
from benchmarks.tools import Run, Tool, measure, median, tools
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
    def daemon(self, *, on_disk: bool = False) -> Iterator[None]:
        """Run a daemon that knows nothing yet."""
        directory = (self.contexts if on_disk else self.memory) / "daemon"
        try:
            with start_buildkitd(directory, unix=False, port=self.port):
                yield
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


def _first_send(bench: Bench, turns: int, context: Path, *, on_disk: bool = False) -> Results:
    results: Results = {tool.name: [] for tool in bench.tools}
    for turn in range(turns):
        for tool in bench.tools:
            with bench.daemon(on_disk=on_disk):
                results[tool.name].append(measure(tool.build(context), tool.environment))
                if turn == 0:
                    trees.check_arrived(context, tool)
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


def _second_clone(bench: Bench, turns: int, origin: Path, *, content_times: bool = False) -> Results:
    """Build a clone after another one of the same commit was built: all its files are new on the disk."""
    found = tuple(tool.with_content_times() for tool in bench.tools) if content_times else bench.tools
    results: Results = {tool.name: [] for tool in found}
    with bench.daemon():
        for turn in range(turns + 1):
            context = trees.clone(origin, bench.contexts / f"clone-{turn}")
            for tool in found:
                run = measure(tool.build(context), tool.environment)
                if turn:
                    results[tool.name].append(run)
                if turn == 1:
                    trees.check_arrived(context, tool)
            shutil.rmtree(context)
    return results


def _one_changed(bench: Bench, turns: int, context: Path, *, target: str) -> Results:
    """Change a file before each build; each tool has sent all others, and a change of its own, before."""
    results: Results = {tool.name: [] for tool in bench.tools}
    with bench.daemon():
        for turn in range(turns + 1):
            for tool in bench.tools:
                trees.change_one(context, f"{turn} {tool.name} {target}")
                run = measure(tool.build(context, target=target), tool.environment)
                if turn:
                    results[tool.name].append(run)
                if turn == 1:
                    trees.check_arrived(context, tool)
    return results


def _tree_output(bench: Bench, turns: int, context: Path) -> Results:
    results: Results = {tool.name: [] for tool in bench.tools}
    with bench.daemon():
        for tool in bench.tools:
            measure(tool.build(context), tool.environment)
        for turn in range(turns):
            for tool in bench.tools:
                with tempfile.TemporaryDirectory(dir=bench.memory) as out:
                    argv = tool.build(context, "--output", f"type=local,dest={out}/tree")
                    results[tool.name].append(measure(argv, tool.environment))
                    if turn == 0:
                        trees.check_tree(context, Path(out) / "tree")
    return results


def _tar_output(bench: Bench, turns: int, context: Path) -> Results:
    results: Results = {tool.name: [] for tool in bench.tools}
    with bench.daemon():
        for tool in bench.tools:
            measure(tool.build(context), tool.environment)
        for turn in range(turns):
            for tool in bench.tools:
                with tempfile.TemporaryDirectory(dir=bench.memory) as out:
                    argv = tool.build(context, "--output", f"type=tar,dest={out}/result.tar")
                    results[tool.name].append(measure(argv, tool.environment))
                    if turn == 0:
                        with open(f"{out}/result.tar", "rb") as archive:
                            trees.check_tar(context, archive)
    return results


def _works(bench: Bench) -> dict[str, tuple[str, Callable[[int], Results]]]:
    contexts = bench.contexts

    def many() -> Path:
        return trees.once(contexts / "many", trees.many_files)

    def large(megabytes: int) -> Path:
        return trees.once(
            contexts / f"large-{megabytes}", lambda path: trees.large_file(path, megabytes=megabytes)
        )

    def fewer() -> Path:
        return trees.once(contexts / "fewer", lambda path: trees.many_files(path, directories=20))

    def repository(kind: str) -> Path:
        write = trees.many_files if kind == "many" else trees.large_file
        return trees.once(contexts / f"repository-{kind}", lambda path: trees.commit(write(path)))

    # For the last two the daemon's root is on disk: what is on tmpfs is memory, and 4 GB are much.
    return {
        "cached": ("cached small build, whole command", lambda turns: _cached(bench, turns)),
        "again": ("unchanged context of 100,000 files", lambda turns: _unchanged(bench, turns, many())),
        "changed": (
            "one file changed among 100,000, read by a step",
            lambda turns: _one_changed(bench, turns, many(), target="read"),
        ),
        "copied": (
            "one file changed among 100,000, all copied again by the daemon",
            lambda turns: _one_changed(bench, turns, many(), target="copied"),
        ),
        "first": ("first send of 100,000 files", lambda turns: _first_send(bench, turns, many())),
        "large": ("first send of one 512 MB file", lambda turns: _first_send(bench, turns, large(512))),
        "again-large": (
            "unchanged context of one 512 MB file",
            lambda turns: _unchanged(bench, turns, large(512)),
        ),
        "clone": (
            "second clone of 100,000 files",
            lambda turns: _second_clone(bench, turns, repository("many")),
        ),
        "clone-content": (
            "second clone of 100,000 files, `--context-times content`",
            lambda turns: _second_clone(bench, turns, repository("many"), content_times=True),
        ),
        "clone-large": (
            "second clone with one 512 MB file",
            lambda turns: _second_clone(bench, turns, repository("large")),
        ),
        "clone-large-content": (
            "second clone with one 512 MB file, `--context-times content`",
            lambda turns: _second_clone(bench, turns, repository("large"), content_times=True),
        ),
        "tree": ("local output of 20,000 files", lambda turns: _tree_output(bench, turns, fewer())),
        "tar": ("tar output of 512 MB", lambda turns: _tar_output(bench, turns, large(512))),
        "memory64": (
            "first send of 64 MB, daemon on disk",
            lambda turns: _first_send(bench, min(turns, 1), large(64), on_disk=True),
        ),
        "memory2048": (
            "first send of 2 GB, daemon on disk",
            lambda turns: _first_send(bench, min(turns, 1), large(2048), on_disk=True),
        ),
    }


def _row(title: str, results: Results) -> str:
    ours = median(results["warmroute"])
    cells = [title]
    for name, runs in results.items():
        run = median(runs)
        ratio = "" if name == "warmroute" else f" ({ours.wall / run.wall:.2f} x)"
        cells.append(f"{run.wall:.2f} s, {run.cpu:.2f} cpu, {run.peak:.0f} MB{ratio}")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", action="append", help="cached, again, changed, first ...")
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
