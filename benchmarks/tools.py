"""The tools that are compared: how each is told to build a directory, and how a run is measured."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers import binaries

__all__ = ["Run", "Tool", "installed", "measure", "median", "tools"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One command: wall and CPU seconds, peak memory in MB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """``argv`` with the context still to come, and the environment it needs."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]

    def with_content_times(self) -> Tool:
        """Return warmroute that describes files by their content, any other tool as it is."""
        if self.name != "warmroute":
            return self
        argv = (*self.argv, "--context-times", "content")
        return Tool(name=self.name, argv=argv, environment=self.environment)

    def build(self, context: Path, *more: str, target: str = "") -> tuple[str, ...]:
        """Return the command line that builds a context, and throws the result away unless more is said."""
        if target:
            more += ("--opt", f"target={target}") if self.name == "buildctl" else ("--target", target)
        if self.name == "buildctl":
            return (*self.argv, "--local", f"context={context}", "--local", f"dockerfile={context}", *more)
        return (*self.argv, *more, str(context))


def tools(address: str, directory: Path) -> tuple[Tool, ...]:
    """Return warmroute, buildctl and buildx, set up for the daemon at an address."""
    buildx = str(binaries.buildx())
    configured = {"BUILDX_CONFIG": str(directory / "buildx"), "DOCKER_CONFIG": str(directory / "docker")}
    subprocess.run(
        [buildx, "create", "--name", "bench", "--driver", "remote", address],
        env={**os.environ, **configured},
        check=True,
        capture_output=True,
    )
    return (
        Tool(
            name="warmroute",
            argv=(
                str(installed(directory / "venv")),
                *("build", "--addr", address, "--progress", "plain"),
            ),
            environment={},
        ),
        Tool(
            name="buildctl",
            argv=(
                str(binaries.buildctl()),
                *("--addr", address, "build", "--progress", "plain", "--frontend", "dockerfile.v0"),
            ),
            environment={},
        ),
        Tool(
            name="buildx",
            argv=(buildx, "build", "--builder", "bench", "--progress", "plain"),
            environment=configured,
        ),
    )


def installed(venv: Path, *, extras: str = "") -> Path:
    """Install warmroute as a user does, perhaps with extras: an editable install starts slower."""
    repository = Path(__file__).resolve().parents[1]
    source = f"{repository}[{extras}]" if extras else str(repository)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip: list[str | Path] = [venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", repository / "constraints.txt", source], check=True)
    return venv / "bin" / "warmroute"


# A process starts with the peak memory of the one that forked it, so a small one stands between.
_WATCH = """
import os, sys, time
began = time.monotonic()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
wall = time.monotonic() - began
with open(sys.argv[1], "w") as report:
    print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, file=report)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def measure(argv: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a command to its end; raise where it fails."""
    # A user's Python keeps its compiled modules; a machine that forbids that would measure the compiler.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.NamedTemporaryFile("r") as report:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _WATCH, report.name, *argv],
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)} failed:\n{done.stderr.decode(errors='replace')}")
        wall, cpu, peak = map(float, report.read().split())
    return Run(wall=wall, cpu=cpu, peak=peak)


def median(runs: Sequence[Run]) -> Run:
    """Return the medians of several runs, each figure by itself."""
    return Run(
        wall=statistics.median(run.wall for run in runs),
        cpu=statistics.median(run.cpu for run in runs),
        peak=statistics.median(run.peak for run in runs),
    )
