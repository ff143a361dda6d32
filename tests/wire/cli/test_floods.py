"""A daemon that floods its client: what the process takes at most, and that it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router._proto import control_pb2 as pb
from tests.measured import Measured, run_measured
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


def build(address: str, context: Path, *options: str) -> Measured:
    """Build an empty image on the daemon at that address."""
    (context / "Dockerfile").write_text("FROM scratch\n")
    argv = [sys.executable, "-m", "tests.wire.cli", "build", "--addr", address, *options, os.fspath(context)]
    return run_measured(argv, context, environment={"PATH": os.environ["PATH"], "HOME": "/nonexistent"})


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_status_of_millions_of_empty_entries_is_refused(number: int, tmp_path: Path) -> None:
    with ScriptedDaemon(empty_entries(number)) as daemon:
        done = build(daemon.address, tmp_path, "--retries", "0", "--progress=plain")

    assert done.code == 69
    assert "a message of more than 100000 fields" in done.said
    assert done.megabytes < MOST_MEGABYTES
    assert done.seconds < 20


def test_the_time_limit_holds_against_steps_without_end(tmp_path: Path) -> None:
    with ScriptedDaemon(entries_without_end) as daemon:
        done = build(daemon.address, tmp_path, "--timeout", "8s", "--progress=plain")

    assert done.code == 124
    assert done.seconds < 8 + 2 + 2  # and what it takes to start
    assert done.megabytes < MOST_MEGABYTES
    last = done.said.splitlines()[-2]
    assert last.startswith("ERROR: the build did not end within 8 s")
    assert len(last) < 2000
