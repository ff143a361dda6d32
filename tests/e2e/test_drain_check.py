"""Whether a daemon may be stopped: for a hook that runs before it is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.builder import active_builds, write_tree
from tests.e2e.kubernetes import wait_for
from tests.e2e.processes import Installed
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.dockerd import Dockerd
from tests.servers.ports import free_port


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildkitd]:
    """A daemon that nobody else builds on."""
    with start_buildkitd(tmp_path_factory.mktemp("drained")) as started:
        yield started


@contextmanager
def building(daemon: Buildkitd, busybox: str, scratch: Path, command: str) -> Iterator[None]:
    """Have a build in flight: it has begun, and its step runs the command."""
    word = f"begun-{scratch.name}"
    dockerfile = f"FROM {busybox}\nRUN echo {word}; {command}\n"
    context = write_tree(scratch / "context", {"Dockerfile": dockerfile})
    wait_for(lambda: active_builds(daemon.address) == 0, "the daemon has ended the build of another test")
    arguments = ("build", f"--addr={daemon.address}", "--progress=plain", context)
    with Installed().started(*arguments) as running:
        running.read_until(f" {word}\n".encode())
        wait_for(lambda: active_builds(daemon.address) > 0, "the daemon tells of the build")
        yield
        running.signal(signal.SIGINT)
        running.wait(within=10.0)


def test_an_idle_daemon_may_be_stopped(daemon: Buildkitd) -> None:
    done = Installed().ok("drain-check", f"--addr=a={daemon.address}")

    assert done.stdout == "a has no build in flight\n"
    assert done.stderr == ""


def test_a_daemon_that_builds_may_not(daemon: Buildkitd, busybox: str, tmp_path: Path) -> None:
    with building(daemon, busybox, tmp_path, "sleep 60"):
        done = Installed().run("drain-check", f"--addr=a={daemon.unix_address}")
        waited = Installed().run("drain-check", "--wait-idle=1s", f"--addr=a={daemon.address}")

    assert (done.code, done.stdout) == (1, "")
    assert "a has 1 build in flight" in done.stderr
    assert waited.code == 1
    assert "a has 1 build in flight after 1 s" in waited.stderr
    assert 1.0 <= waited.seconds < 3.0


def test_waiting_ends_with_the_last_build(daemon: Buildkitd, busybox: str, tmp_path: Path) -> None:
    with building(daemon, busybox, tmp_path, "sleep 2"):
        done = Installed().ok("drain-check", "--wait-idle=60s", f"--addr=a={daemon.address}")

    assert done.seconds < 10.0
    assert "a has 1 build in flight" in done.stderr
    assert done.stdout == "a has no build in flight\n"


def test_the_daemon_is_named_where_there_are_several(daemon: Buildkitd) -> None:
    two = (f"--addr=a={daemon.address}", f"--addr=b=tcp://127.0.0.1:{free_port()}")

    assert Installed().ok("drain-check", "a", *two).stdout == "a has no build in flight\n"
    unnamed = Installed().run("drain-check", *two)
    assert (unnamed.code, "which of a, b?" in unnamed.stderr) == (2, True)
    unknown = Installed().run("drain-check", "c", *two)
    assert (unknown.code, "c is not among them: a, b" in unknown.stderr) == (69, True)
    away = Installed().run("drain-check", "b", *two)
    assert (away.code, "connection refused" in away.stderr) == (69, True)


def test_a_daemon_without_a_history_can_not_tell(dockerd: Dockerd) -> None:
    done = Installed(environment=dockerd.environment).run("drain-check")

    assert done.code == 69
    assert "can't tell its builds" in done.stderr
