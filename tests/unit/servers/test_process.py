"""Server processes, with small real ones."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from tests.servers.cache import ServerError
from tests.servers.families import wait_ended
from tests.servers.process import ManagedProcess

# Says that its handler is set, then waits for any signal.
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"


def says_up(process: ManagedProcess) -> bool:
    return "up" in process.log.read_text()


def test_a_server_is_stopped_when_its_block_ends(tmp_path: Path) -> None:
    with ManagedProcess(["sleep", "1000"], log=tmp_path / "log") as process:
        assert process.running()

    assert not process.running()
    assert not psutil.pid_exists(process.pid)


def test_a_server_that_ends_early_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with (
        ManagedProcess(["sh", "-c", "echo no such option; exit 1"], log=tmp_path / "log") as process,
        pytest.raises(ServerError, match=r"sh ended before it was ready.*\n.*no such option"),
    ):
        process.wait_until(lambda: False, within=30)


def test_a_server_that_never_gets_ready_is_an_error(tmp_path: Path) -> None:
    with (
        ManagedProcess(["sleep", "1000"], log=tmp_path / "log") as process,
        pytest.raises(ServerError, match="sleep not listening after 0 s"),
    ):
        process.wait_until(lambda: False, within=0, what="listening")


def test_a_server_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    with ManagedProcess([sys.executable, "-c", STUBBORN], log=tmp_path / "log") as process:
        process.wait_until(lambda: says_up(process), within=30)
        process.stop(within=0)

    assert not psutil.pid_exists(process.pid)


def test_a_frozen_server_can_be_stopped(tmp_path: Path) -> None:
    with ManagedProcess(["sleep", "1000"], log=tmp_path / "log") as process:
        process.freeze()
        frozen = psutil.Process(process.pid).status()
        process.stop(within=30)

    assert frozen == psutil.STATUS_STOPPED
    assert not psutil.pid_exists(process.pid)


def test_what_a_server_started_ends_with_it(tmp_path: Path) -> None:
    with ManagedProcess(["sh", "-c", "sleep 1000 & echo up $!; wait"], log=tmp_path / "log") as process:
        process.wait_until(lambda: says_up(process), within=30)
        child = os.pidfd_open(int(process.log.read_text().split()[1]))

    assert wait_ended(child, within=30)
    os.close(child)


def test_a_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    started: list[ManagedProcess] = []
    thread = threading.Thread(
        target=lambda: started.append(ManagedProcess(["sleep", "1000"], log=tmp_path / "log"))
    )

    thread.start()
    thread.join(timeout=30)

    with started[0] as process, pytest.raises(ServerError, match="still runs"):
        process.wait_ended(within=0.1)


def test_a_server_dies_with_a_python_that_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"""
import sys
from pathlib import Path
from tests.servers.process import ManagedProcess
log = Path({str(log)!r})
process = ManagedProcess(["sh", "-c", "echo up; exec sleep 1000"], log=log)
process.wait_until(lambda: "up" in log.read_text(), within=30)
print(process.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        server = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()

    assert wait_ended(server, within=30)
    os.close(server)


def test_the_environment_is_added_to(tmp_path: Path) -> None:
    script = ["sh", "-c", "echo $GREETING in $HOME"]
    with ManagedProcess(script, log=tmp_path / "log", env={"GREETING": "hello"}) as process:
        process.wait_ended(within=30)

    assert process.log.read_text() == f"hello in {os.environ['HOME']}\n"
