"""A real build ends within 2 s of a signal and of its time limit, though nobody reads what it writes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.builder import active_builds, write_tree
from tests.e2e.kubernetes import wait_for
from tests.e2e.processes import BIN, Installed
from tests.servers.buildkitd import Buildkitd
from tests.wire.cli.test_limits import INTERRUPTED, OUT_OF_TIME, PROMISED, ends_in_time, wait_until_full


@contextmanager
def unread(words: Sequence[str | Path], *, stdout: bool) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a build whose stderr, or stdout, is a pipe that nobody reads; yield the pipe too."""
    ours, theirs = os.pipe()
    try:
        with subprocess.Popen(
            [BIN / "warmroute", "build", *words],
            env=Installed().variables,
            stdin=subprocess.DEVNULL,
            stdout=theirs if stdout else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if stdout else theirs,
        ) as process:
            try:
                yield process, ours
            finally:
                process.kill()
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.fixture
def talking(tmp_path: Path, busybox: str) -> Path:
    dockerfile = f"FROM {busybox}\nRUN echo {tmp_path.name}; while :; do seq 1 1000; done\n"
    return write_tree(tmp_path / "talking", {"Dockerfile": dockerfile})


@pytest.fixture
def large(tmp_path: Path) -> Path:
    return write_tree(
        tmp_path / "large", {"Dockerfile": "FROM scratch\nCOPY big /\n", "big": os.urandom(4_000_000)}
    )


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_a_signal_ends_a_build_whose_progress_nobody_reads(
    buildkitd: Buildkitd, talking: Path, backend: str
) -> None:
    words = ("--addr", buildkitd.address, "--backend", backend, "--progress=plain", talking)
    with unread(words, stdout=False) as (build, pipe):
        wait_until_full(pipe)
        signaled = time.monotonic()
        build.send_signal(signal.SIGTERM)

        assert ends_in_time(build, signaled) == INTERRUPTED
    wait_for(lambda: active_builds(buildkitd.address) == 0, "the daemon has no build", within=5.0)


def test_a_signal_ends_a_build_whose_archive_nobody_reads(buildkitd: Buildkitd, large: Path) -> None:
    words = ("--addr", buildkitd.address, "--output", "type=tar,dest=-", large)
    with unread(words, stdout=True) as (build, pipe):
        wait_until_full(pipe)
        signaled = time.monotonic()
        build.send_signal(signal.SIGINT)

        assert ends_in_time(build, signaled) == INTERRUPTED
    wait_for(lambda: active_builds(buildkitd.address) == 0, "the daemon has no build", within=5.0)


def test_the_time_limit_ends_a_build_whose_archive_nobody_reads(buildkitd: Buildkitd, large: Path) -> None:
    words = ("--addr", buildkitd.address, "--output", "type=tar,dest=-", "--timeout=4s", large)
    with unread(words, stdout=True) as (build, pipe):
        wait_until_full(pipe)

        assert ends_in_time(build, time.monotonic(), within=4.0 + PROMISED) == OUT_OF_TIME
