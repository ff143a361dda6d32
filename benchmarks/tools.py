"""The tools that are compared: how each is told to build a directory, and how a run is measured."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers import binaries

__all__ = ["Run", "Tool", "measure", "tools"]


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

    def build(self, context: Path, *more: str) -> tuple[str, ...]:
        """Return the command line that builds a context and throws the result away."""
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
                str(_installed(directory / "venv")),
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


def _installed(venv: Path) -> Path:
    """Install warmroute as a user does: an editable install starts slower."""
    repository = Path(__file__).resolve().parents[1]
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip: list[str | Path] = [venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", repository / "constraints.txt", repository], check=True)
    return venv / "bin" / "warmroute"


def measure(argv: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a command to its end; raise where it fails."""
    # A user's Python keeps its compiled modules; a machine that forbids that would measure the compiler.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.monotonic()
    process = subprocess.Popen(
        argv,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed:\n{said.decode(errors='replace')}")
    return Run(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak=usage.ru_maxrss / 1024)
