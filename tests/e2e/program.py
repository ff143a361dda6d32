"""The command `warmroute` as its users run it: a process of its own, in a clean environment."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.builder import SEARCH_PATH

WARMROUTE = Path(sys.executable).with_name("warmroute")


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a run ended; `seconds` is how long it took."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def json(self) -> Any:
        """What stands on stdout, parsed."""
        return json.loads(self.stdout)

    @property
    def daemon(self) -> str:
        """The name of the last daemon that a build went to; needs `-v`."""
        return str(re.findall(r"building on (\S+)", self.stderr)[-1])

    @property
    def steps(self) -> dict[str, bool]:
        """The Dockerfile's steps by name, and whether each came from the cache; needs `--progress plain`."""
        cached = set(re.findall(r"^#(\d+) CACHED$", self.stderr, re.MULTILINE))
        named = re.findall(r"^#(\d+) (\[(?!internal\]).*)$", self.stderr, re.MULTILINE)
        return {name: number in cached for number, name in named}


@dataclass(frozen=True, kw_only=True)
class Program:
    """Runs warmroute. `environment` is all that it sees besides a PATH and an empty home; `under` is a
    command that runs it, such as setpriv."""

    environment: Mapping[str, str] = field(default_factory=dict)
    under: Sequence[str] = ()

    def run(self, *args: str | Path, cwd: Path | None = None, within: float = 60.0) -> Finished:
        """Run it to its end, whatever its exit code."""
        started = time.monotonic()
        done = subprocess.run(
            [*self.under, WARMROUTE, *args],
            env={"PATH": SEARCH_PATH, "HOME": "/nonexistent", **self.environment},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        seconds = time.monotonic() - started
        return Finished(code=done.returncode, stdout=done.stdout, stderr=done.stderr, seconds=seconds)

    def ok(self, *args: str | Path, cwd: Path | None = None, within: float = 60.0) -> Finished:
        """Run it and require that it succeeds."""
        done = self.run(*args, cwd=cwd, within=within)
        assert done.code == 0, f"exit {done.code}\n{done.stderr}"
        return done
