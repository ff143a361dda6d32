"""`warmroute serve` as a process, the clients that are compared, and what the process uses."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.tools import Tool
from tests.servers import binaries

__all__ = ["Endpoint", "buildctl", "buildx", "served"]

_STOPS_WITHIN = 30.0


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint that runs."""

    address: str
    process: psutil.Process

    @property
    def cpu(self) -> float:
        """The CPU seconds that it has taken."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    @property
    def memory(self) -> float:
        """What it has in memory, in MB."""
        return float(self.process.memory_info().rss) / 1e6

    @property
    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return int(self.process.num_fds())

    @property
    def threads(self) -> int:
        """How many threads it has."""
        return int(self.process.num_threads())


@contextmanager
def served(program: Path, fleet: Sequence[str], scratch: Path, *options: str) -> Iterator[Endpoint]:
    """Serve daemons by their addresses, each perhaps with a name before it."""
    address = f"unix://{scratch / 'serve.sock'}"
    reader, writer = os.pipe()
    with (scratch / "serve.log").open("ab") as log, os.fdopen(reader) as ready:
        named = [f"--addr={each}" for each in fleet]
        argv = [str(program), "serve", "--listen", address, "--ready-fd", str(writer), *named, *options]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        process = subprocess.Popen(
            argv, env=environment, pass_fds=(writer,), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            os.close(writer)
            if not ready.readline():
                raise RuntimeError(f"the endpoint did not start: {(scratch / 'serve.log').read_text()}")
            yield Endpoint(address=address, process=psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(_STOPS_WITHIN)


def buildctl(address: str) -> Tool:
    """Return buildctl for what is at an address."""
    arguments = ("--addr", address, "build", "--progress", "plain", "--frontend", "dockerfile.v0")
    return Tool(name="buildctl", argv=(str(binaries.buildctl()), *arguments), environment={})


def buildx(address: str, name: str, scratch: Path) -> Tool:
    """Return buildx with a builder of its own for what is at an address."""
    program = str(binaries.buildx())
    environment = {"BUILDX_CONFIG": str(scratch / "buildx"), "DOCKER_CONFIG": str(scratch / "docker")}
    subprocess.run(
        [program, "create", "--name", name, "--driver", "remote", address],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
    )
    arguments = ("build", "--builder", name, "--progress", "plain")
    return Tool(name="buildx", argv=(program, *arguments), environment=environment)
