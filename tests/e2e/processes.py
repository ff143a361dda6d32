"""The installed commands as processes: with something on stdin, in the background, interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.builder import SEARCH_PATH
from tests.e2e.program import Finished
from tests.servers import binaries

BIN = Path(sys.executable).parent


@dataclass(frozen=True, kw_only=True)
class Installed:
    """One of the commands; it sees this environment, a PATH with the tools of its backends, an empty home."""

    name: str = "warmroute"
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The whole environment."""
        path = f"{BIN}:{binaries.buildctl().parent}:{SEARCH_PATH}"
        return {"PATH": path, "HOME": "/nonexistent", **self.environment}

    def run(
        self, *args: str | Path, cwd: Path | None = None, stdin: bytes = b"", within: float = 60.0
    ) -> Finished:
        """Run it to its end, whatever its exit code."""
        started = time.monotonic()
        done = subprocess.run(
            [BIN / self.name, *args],
            env=self.variables,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            timeout=within,
            check=False,
        )
        return Finished(
            code=done.returncode,
            stdout=done.stdout.decode(errors="surrogateescape"),
            stderr=done.stderr.decode(errors="surrogateescape"),
            seconds=time.monotonic() - started,
        )

    def ok(self, *args: str | Path, cwd: Path | None = None, stdin: bytes = b"") -> Finished:
        """Run it and require that it succeeds."""
        done = self.run(*args, cwd=cwd, stdin=stdin)
        assert done.code == 0, f"exit {done.code}\n{done.stderr}\n{done.stdout}"
        return done

    @contextmanager
    def started(self, *args: str | Path, cwd: Path | None = None) -> Iterator[Background]:
        """Start it in a session of its own, and kill what is left of it at the end."""
        with started([str(BIN / self.name), *map(str, args)], self.variables, cwd) as process:
            yield process


class Background:
    """A process under way; its stdout and stderr are one stream, as for skaffold."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.output = b""

    def read_until(self, text: bytes) -> None:
        """Return once it has printed the text."""
        assert self.process.stdout is not None
        while text not in self.output:
            data = self.process.stdout.read1(65536)  # type: ignore[attr-defined]  # a BufferedReader
            assert data, f"it ended without a word of {text!r}: {self.output.decode()}"
            self.output += data

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        self.process.send_signal(number)

    def wait(self, within: float) -> int:
        """Return its exit code; all that it printed stands in `output` then."""
        rest, _ = self.process.communicate(timeout=within)
        self.output += rest
        return self.process.returncode


@contextmanager
def started(argv: list[str], environment: Mapping[str, str], cwd: Path | None) -> Iterator[Background]:
    """Start any command in the background; see ``Installed.started``."""
    with subprocess.Popen(
        argv,
        env=dict(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            yield Background(process)
        finally:
            if process.poll() is None:
                process.kill()
