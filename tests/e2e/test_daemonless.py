"""The fallback to a buildkitd of this machine's own: it comes last, keeps its cache, and never stays."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.builder import SEARCH_PATH, tar_files, write_tree
from tests.e2e.processes import Background, Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.families import kill_family
from tests.servers.ports import free_port


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """Where the daemon's root is; what still runs there at the end is a fault, and ended."""
    folder = tmp_path / "cache"
    yield folder
    for process in daemons_in(folder):
        kill_family(process.pid)


@pytest.fixture
def warmroute(cache: Path) -> Installed:
    """The program with buildkitd and runc on its PATH, and a fleet of one daemon that is not there."""
    path = f"{binaries.buildkitd().parent}:{binaries.runc().parent}:{SEARCH_PATH}"
    return Installed(
        environment={
            "PATH": path,
            "XDG_CACHE_HOME": str(cache),
            "BUILDKITD_FLAGS": "--oci-worker-net=host",
            "WARMROUTE_ADDR": f"away=tcp://127.0.0.1:{free_port()}",
            "WARMROUTE_FALLBACK": "daemonless",
            "WARMROUTE_PROGRESS": "plain",
        }
    )


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY a.txt /\n", "a.txt": "a\n"})


def daemons_in(cache: Path) -> list[psutil.Process]:
    """Return the buildkitd processes whose root lies there."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if f"--root={cache}/warmroute/buildkitd/root" in words and words[0].endswith("buildkitd"):
            found.append(process)
    return found


def slow(tmp_path: Path, busybox: str) -> Path:
    """Return a context whose build says "begun", and then takes long."""
    dockerfile = f"FROM {busybox}\nRUN echo begun-{tmp_path.name}; sleep 60\n"
    return write_tree(tmp_path / "slow", {"Dockerfile": dockerfile})


def until_begun(running: Background, tmp_path: Path) -> None:
    running.read_until(f" begun-{tmp_path.name}\n".encode())


def test_a_fleet_that_is_away_is_replaced_and_the_cache_is_kept(
    warmroute: Installed, context: Path, cache: Path, tmp_path: Path
) -> None:
    result = tmp_path / "result.tar"
    first = warmroute.ok("build", f"--output=type=tar,dest={result}", context)

    assert "connection refused" in first.stderr
    assert "falling back to a buildkitd of this machine's own" in first.stderr
    assert tar_files(result.read_bytes()) == {"a.txt": b"a\n"}
    assert daemons_in(cache) == []

    assert "CACHED" in warmroute.ok("build", f"--output=type=tar,dest={result}", context).stderr
    assert daemons_in(cache) == []


def test_a_fleet_that_answers_builds_itself(
    warmroute: Installed, buildkitd: Buildkitd, context: Path, cache: Path
) -> None:
    done = warmroute.ok("build", f"--addr=there={buildkitd.address}", context)

    assert "falling back" not in done.stderr
    assert not cache.exists()


def test_an_interrupted_build_takes_its_daemon_along(
    warmroute: Installed, busybox: str, cache: Path, tmp_path: Path
) -> None:
    with warmroute.started("build", slow(tmp_path, busybox)) as running:
        until_begun(running, tmp_path)
        assert len(daemons_in(cache)) == 1
        running.signal(signal.SIGINT)
        assert running.wait(within=5.0) == 130

    assert daemons_in(cache) == []


def test_a_program_that_is_killed_takes_its_daemon_along(
    warmroute: Installed, busybox: str, cache: Path, tmp_path: Path
) -> None:
    with warmroute.started("build", slow(tmp_path, busybox)) as running:
        until_begun(running, tmp_path)
        (daemon,) = daemons_in(cache)
        (supervisor,) = daemon.parents()[:1]
        socket = next(word for word in daemon.cmdline() if word.startswith("--addr=unix://"))
        running.process.kill()

    assert psutil.wait_procs([daemon, supervisor], timeout=10)[1] == []
    assert not Path(socket.removeprefix("--addr=unix://")).parent.exists()


def test_a_second_build_waits_for_the_first(
    warmroute: Installed, busybox: str, context: Path, cache: Path, tmp_path: Path
) -> None:
    with warmroute.started("build", slow(tmp_path, busybox)) as first:
        until_begun(first, tmp_path)
        with warmroute.started("build", context) as second:
            second.read_until(b"waiting for another build that uses the cache")
            assert len(daemons_in(cache)) == 1
            first.signal(signal.SIGINT)
            assert first.wait(within=5.0) == 130
            assert second.wait(within=30.0) == 0

    assert daemons_in(cache) == []


def test_without_buildkitd_the_error_says_what_is_needed(warmroute: Installed, context: Path) -> None:
    lacking = Installed(environment={**warmroute.environment, "PATH": SEARCH_PATH})

    done = lacking.run("build", context)

    assert done.code == 69
    assert "needs buildkitd, which is not on PATH" in done.stderr
    assert "hint: get it from" in done.stderr


def test_a_daemon_that_does_not_start_says_why(warmroute: Installed, context: Path) -> None:
    broken = Installed(environment={**warmroute.environment, "BUILDKITD_FLAGS": "--no-such-flag"})

    done = broken.run("build", context)

    assert done.code == 69
    assert "buildkitd did not start: " in done.stderr
    assert "no-such-flag" in done.stderr
    assert "its log is " in done.stderr
