"""What is written down of a server, and cleaned up behind one that was killed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.traces import Trace, clean_stale, owned_trace, start_time, traces

NOBODY = (2**22 + 1, "1")  # above the kernel's largest process id


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def server() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    trace = owned_trace("thing", tmp_path / "data", outlive=False)
    trace.add_process(os.getpid())

    assert list(traces()) == [trace]


def test_what_a_killed_owner_left_is_removed(tmp_path: Path, server: subprocess.Popen[bytes]) -> None:
    trace = Trace(kind="thing", directory=str(tmp_path / "data"), owner=NOBODY)
    sockets = trace.socket_folder()
    trace.add_process(server.pid)

    clean_stale()

    assert server.wait(timeout=30) < 0
    assert not sockets.exists()
    assert list(traces()) == []


def test_a_server_whose_owner_lives_is_left_alone(tmp_path: Path, server: subprocess.Popen[bytes]) -> None:
    trace = owned_trace("thing", tmp_path / "data", outlive=False)
    trace.add_process(server.pid)

    clean_stale()

    assert server.poll() is None
    assert list(traces()) == [trace]


def test_a_server_that_is_to_stay_is_left_alone(tmp_path: Path, server: subprocess.Popen[bytes]) -> None:
    owned_trace("thing", tmp_path / "data", outlive=True).add_process(server.pid)

    clean_stale()

    assert server.poll() is None


def test_another_process_that_got_the_same_id_is_not_killed(
    tmp_path: Path, server: subprocess.Popen[bytes]
) -> None:
    trace = Trace(kind="thing", directory=str(tmp_path / "data"), owner=NOBODY)
    trace.processes.append((server.pid, "1"))
    trace.save()

    clean_stale()

    assert server.poll() is None
    assert start_time(server.pid) != "1"


def test_a_trace_from_before_a_reboot_is_only_forgotten(
    tmp_path: Path, server: subprocess.Popen[bytes]
) -> None:
    trace = Trace(kind="thing", directory=str(tmp_path / "data"))
    trace.add_process(server.pid)
    trace.path.write_text(trace.path.read_text().replace(trace.boot, "an earlier boot"))

    clean_stale()

    assert server.poll() is None
    assert list(traces()) == []
