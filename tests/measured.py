"""Runs a program and tells how long it took, and how much memory at most."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# What a process took at most counts what its parent had when it was forked, and a test's process is large: so
# a small one stands between.
_BETWEEN = """
import os, sys
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
with open(sys.argv[1], "w") as report:
    report.write(f"{os.waitstatus_to_exitcode(status)} {used.ru_maxrss}")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """``code`` is negative for a signal; ``said`` is stderr, ``printed`` stdout."""

    code: int
    seconds: float
    megabytes: float
    said: str
    printed: str


def run_measured(
    argv: Sequence[str], scratch: Path, *, environment: Mapping[str, str], within: float = 120.0
) -> Measured:
    """Run a program to its end with nothing on stdin; its files are kept in ``scratch``."""
    report, stderr, stdout = scratch / "measured", scratch / "stderr", scratch / "stdout"
    started = time.monotonic()
    with (
        stderr.open("wb") as said,
        stdout.open("wb") as printed,
        subprocess.Popen(
            [sys.executable, "-S", "-c", _BETWEEN, os.fspath(report), *argv],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=said,
            start_new_session=True,
        ) as between,
    ):
        try:
            between.wait(within)
        except subprocess.TimeoutExpired:
            os.killpg(between.pid, signal.SIGKILL)
            raise
    seconds = time.monotonic() - started
    code, kilobytes = report.read_text().split()
    return Measured(
        code=int(code),
        seconds=seconds,
        megabytes=int(kilobytes) / 1024,
        said=stderr.read_bytes().decode(errors="replace"),
        printed=stdout.read_bytes().decode(errors="replace"),
    )
