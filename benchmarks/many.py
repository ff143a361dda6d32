"""Many targets at once: `warmroute bake` on a fleet beside `docker buildx bake` on one of its daemons.

    python -m benchmarks.many [--turns 5] [--targets 20] [--only NAME]

Prints a table in Markdown: medians, the ratio, and what it is to be at most. The daemons' roots are on tmpfs,
both tools take turns, and what each has built is compared once. All run on one machine: three daemons share
the processors that one has to itself.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import trees
from benchmarks.tools import Run, installed, measure, median
from tests.e2e.builder import small_busybox
from tests.servers import binaries
from tests.servers.buildkitd import start_buildkitd
from tests.servers.registry import start_registry

_HEAD = ("| work | warmroute bake | buildx bake | ratio | at most |", "|---|---|---|---|---|")
_AT_ONCE = 2
_SECONDS = 2
_FILES = 1000
_ONE_SOURCE = """
target "default" {
  matrix = { dir = [for n in range(TARGETS) : format("d%03d", n)] }
  name = dir
  context = "."
  dockerfile-inline = "FROM scratch\\nARG DIR\\nCOPY $DIR /src\\n"
  args = { DIR = dir }
  tags = ["bench.example.com/${dir}:1"]
}
variable "TARGETS" { default = 20 }
"""
_SLOW = """
variable "TARGETS" { default = 20 }
variable "BASE" {}
variable "TURN" {}
target "default" {
  matrix = { n = [for n in range(TARGETS) : format("%03d", n)] }
  name = "slow-${n}"
  dockerfile-inline = "FROM ${BASE}\\nRUN sleep SECONDS && echo ${TURN} ${n} > /done\\n"
  tags = ["bench.example.com/slow-${n}:1"]
}
""".replace("SECONDS", str(_SECONDS))
_LARGE = """
variable "PREFIX" { default = "bench.example.com" }
function "image" {
  params = [name, tag]
  result = "${PREFIX}/${lower(name)}:${tag}"
}
target "_common" {
  args = { VERSION = "1.2.3", COMMIT = sha256("commit") }
  labels = { "org.opencontainers.image.version" = "1.2.3" }
}
target "service" {
  matrix = { n = range(100), kind = ["app", "worker", "job"] }
  name = "service-${n}-${kind}"
  inherits = ["_common"]
  context = "services/${n}"
  target = kind
  args = { NAME = upper("service-${n}") }
  tags = [image("service-${n}-${kind}", "1.2.3"), image("service-${n}-${kind}", "latest")]
  labels = { "org.opencontainers.image.title" = "${kind} ${n}" }
}
group "default" { targets = ["service"] }
"""

Pair = tuple[Sequence[Run], Sequence[Run]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is compared: our program and buildx, with directories on disk and on tmpfs."""

    program: Path
    contexts: Path
    memory: Path
    turns: int
    targets: int

    @property
    def buildx(self) -> Mapping[str, str]:
        """The environment of buildx."""
        return {
            "BUILDX_CONFIG": str(self.contexts / "buildx"),
            "DOCKER_CONFIG": str(self.contexts / "docker"),
        }

    @contextmanager
    def fleet(self, config: str = "") -> Iterator[tuple[str, ...]]:
        """Run four daemons, and yield their addresses: a fleet of three, and the one that buildx has."""
        with ExitStack() as stack:
            daemons = [
                stack.enter_context(start_buildkitd(self.memory / f"d{number}", unix=False, config=config))
                for number in range(4)
            ]
            addresses = tuple(daemon.address for daemon in daemons)
            argv = [binaries.buildx(), "create", "--name", "many", "--driver", "remote", addresses[3]]
            stack.callback(self._buildx, "rm", "many")
            self._buildx(*map(str, argv[1:]))
            yield addresses

    def _buildx(self, *words: str) -> None:
        environment = {**os.environ, **self.buildx}
        subprocess.run([binaries.buildx(), *words], env=environment, check=True, capture_output=True)

    def ours(self, addresses: Sequence[str], *words: str) -> Run:
        """Measure our bake on a fleet of all but the last daemon."""
        named = ",".join(f"d{number}={address}" for number, address in enumerate(addresses[:-1]))
        argv = [str(self.program), "bake", "--progress", "plain", "--addr", named, *words]
        return measure(argv, {})

    def theirs(self, *words: str) -> Run:
        """Measure buildx's bake on its daemon."""
        argv = [str(binaries.buildx()), "bake", "--builder", "many", "--progress", "plain", *words]
        return measure(argv, self.buildx)


def _cached(bench: Bench, *, changed: bool) -> Pair:
    context = trees.many_files(bench.contexts / f"many-{changed}", directories=bench.targets, files=_FILES)
    (context / "docker-bake.hcl").write_text(_ONE_SOURCE)
    words = ("--var", f"TARGETS={bench.targets}")
    found: tuple[list[Run], list[Run]] = ([], [])
    with bench.fleet() as addresses, _working_in(context):
        for turn in range(bench.turns + 1):
            for number in range(2):
                if changed:
                    (context / "d000" / "f0000").write_text(f"{turn} {number}\n")
                run = bench.theirs(*words) if number else bench.ours(addresses, *words)
                if turn:
                    found[number].append(run)
        _check(bench, addresses, words, context)
    return found


def _check(bench: Bench, addresses: Sequence[str], words: Sequence[str], context: Path) -> None:
    """Compare what both have built of the target whose file was changed. Raises RuntimeError."""
    for tool in ("ours", "theirs"):
        out = context.with_name(f"{context.name}-{tool}")
        more = (*words, "--allow", "fs.write=*", "--set", f"d000.output=type=local,dest={out}", "d000")
        if tool == "ours":
            bench.ours(addresses, *more)
        else:
            bench.theirs(*more)
        files = {path.name: path.read_bytes() for path in (out / "src").iterdir()}
        if files != {path.name: path.read_bytes() for path in (context / "d000").iterdir()}:
            raise RuntimeError(f"{tool} has built other files")


def _slow(bench: Bench) -> Pair:
    context = bench.contexts / "slow"
    context.mkdir()
    (context / "docker-bake.hcl").write_text(_SLOW)
    found: tuple[list[Run], list[Run]] = ([], [])
    config = f"[worker.oci]\nmax-parallelism = {_AT_ONCE}\n"
    with (
        start_registry(bench.contexts / "registry") as registry,
        bench.fleet(config) as addresses,
        _working_in(context),
    ):
        words = [f"BASE={registry.push(small_busybox(), 'busybox')}", f"TARGETS={bench.targets}"]
        for turn in range(bench.turns):
            given = [part for word in (*words, f"TURN={turn}") for part in ("--var", word)]
            bounds = ("--max-builds", str(_AT_ONCE), "--queue", "10m")
            found[0].append(bench.ours(addresses, *bounds, *given))
            found[1].append(bench.theirs(*given))
    return found


def _evaluation(bench: Bench) -> Pair:
    context = bench.contexts / "large"
    context.mkdir()
    (context / "docker-bake.hcl").write_text(_LARGE)
    found: tuple[list[Run], list[Run]] = ([], [])
    with _working_in(context):
        for turn in range(bench.turns * 2 + 1):
            ours = measure([str(bench.program), "bake", "--print"], {})
            theirs = measure([str(binaries.buildx()), "bake", "--print"], bench.buildx)
            if turn:
                found[0].append(ours)
                found[1].append(theirs)
    return found


@contextmanager
def _working_in(directory: Path) -> Iterator[None]:
    """Have the tools find their definition: a process of its own, the benchmark may change its directory."""
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


def _works(bench: Bench) -> Mapping[str, tuple[str, float, Callable[[], Pair]]]:
    count = bench.targets
    files = f"{count * _FILES:,} files"
    return {
        "cached": (
            f"bake of {count} cached targets on one context of {files}, 3 daemons; buildx: 1",
            0.5,
            lambda: _cached(bench, changed=False),
        ),
        "changed": (
            "the same with one source file changed",
            0.6,
            lambda: _cached(bench, changed=True),
        ),
        "slow": (
            f"{count} targets of {_SECONDS} s cold work, {_AT_ONCE} at once on each of 3 daemons; buildx: 1",
            0.45,
            lambda: _slow(bench),
        ),
        "evaluation": ("evaluation of a definition of 300 targets", 1.0, lambda: _evaluation(bench)),
    }


def _row(title: str, most: float, pair: Pair) -> str:
    ours, theirs = map(median, pair)
    cells = [f"{run.wall:.2f} s, {run.cpu:.2f} cpu, {run.peak:.0f} MB" for run in (ours, theirs)]
    return f"| {title} | {' | '.join(cells)} | {ours.wall / theirs.wall:.2f} x | {most:g} x |"


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--targets", type=int, default=20)
    parser.add_argument("--only", action="append", help="cached, changed, slow, evaluation")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="warmroute-bench-") as contexts,
        tempfile.TemporaryDirectory(prefix="warmroute-bench-", dir="/dev/shm") as memory,
    ):
        bench = Bench(
            program=installed(Path(contexts) / "venv"),
            contexts=Path(contexts),
            memory=Path(memory),
            turns=arguments.turns,
            targets=arguments.targets,
        )
        print(*_HEAD, sep="\n")
        for name, (title, most, run) in _works(bench).items():
            if not arguments.only or name in arguments.only:
                print(f"{title} ...", file=sys.stderr)
                print(_row(title, most, run()), flush=True)


if __name__ == "__main__":
    main()
