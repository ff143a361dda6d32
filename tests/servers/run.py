"""Run one short command and say what went wrong; long-running servers are `process`'s."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.cache import ServerError

_TAIL = 40


def run_logged(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a build step; on failure raise ServerError with the last lines it printed."""
    done = subprocess.run(
        argv, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-_TAIL:])
        raise ServerError(f"{' '.join(argv)} failed ({done.returncode}):\n{tail}")
    return done.stdout
