"""A daemon that floods its client: what the process takes at most, and that it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router._proto import control_pb2 as pb
from tests.wire.cli.scripted_daemon import ScriptedDaemon, step

MEBIBYTE = 1 << 20
# Of the interpreter and the program, without any build: some 40.
MOST_MEGABYTES = 200


def empty_entries(number: int) -> Callable[[], Iterator[bytes]]:
    """One status of 15 MB whose entries, all in one field, are empty."""

    def statuses() -> Iterator[bytes]:
        yield bytes((number << 3 | 2, 0)) * (15 * MEBIBYTE // 2)

    return statuses


def entries_without_end() -> Iterator[bytes]:
    """Steps that begin and never end, thousands in each status."""
    number = 0
    while True:
        vertexes = [step("RUN " + "x" * 200, digest=f"sha256:{number + each}") for each in range(2000)]
        number += 2000
        yield pb.StatusResponse(vertexes=vertexes).SerializeToString()


def build(address: str, context: Path, *options: str) -> tuple[int, float, float, str]:
    """Return a build's exit code, its seconds, the megabytes that it took at most, and its last words."""
    (context / "Dockerfile").write_text("FROM scratch\n")
    started = time.monotonic()
    with (context / "stderr").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.wire.cli", "build", "--addr", address, *options, str(context)],
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
            stdin=subprocess.DEVNULL,
            stderr=said,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    return process.returncode, seconds, used.ru_maxrss / 1024, (context / "stderr").read_text()[-20_000:]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_status_of_millions_of_empty_entries_is_refused(number: int, tmp_path: Path) -> None:
    with ScriptedDaemon(empty_entries(number)) as daemon:
        code, seconds, megabytes, said = build(daemon.address, tmp_path, "--retries", "0", "--progress=plain")

    assert code == 69
    assert "a message of more than 100000 fields" in said
    assert megabytes < MOST_MEGABYTES
    assert seconds < 20


def test_the_time_limit_holds_against_steps_without_end(tmp_path: Path) -> None:
    with ScriptedDaemon(entries_without_end) as daemon:
        code, seconds, megabytes, said = build(
            daemon.address, tmp_path, "--timeout", "8s", "--progress=plain"
        )

    assert code == 124
    assert seconds < 8 + 2 + 2  # and what it takes to start
    assert megabytes < MOST_MEGABYTES
    last = said.splitlines()[-2]
    assert last.startswith("ERROR: the build did not end within 8 s")
    assert len(last) < 2000
