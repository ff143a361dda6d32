"""`warmroute cancel` of builds that other processes run."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.builder import SEARCH_PATH, wait_until_idle, write_tree
from tests.e2e.processes import Background, Installed, started
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd

BUILD = ("build", "--progress", "plain", "--no-cache", "--key", "mine")


@pytest.fixture(scope="module")
def context(busybox: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dockerfile = f"FROM {busybox}\nRUN echo begun; sleep 60\n"
    return write_tree(tmp_path_factory.mktemp("context"), {"Dockerfile": dockerfile})


@pytest.fixture
def warmroute(buildkitd: Buildkitd) -> Installed:
    return Installed(environment={"WARMROUTE_ADDR": f"one={buildkitd.address}", "USER": "ann"})


def running(warmroute: Installed) -> dict[str, Any]:
    (build,) = warmroute.ok("ps", "--format", "json").json
    assert isinstance(build, dict)
    return build


def recorded(warmroute: Installed, ref: str) -> dict[str, Any]:
    listed = warmroute.ok("history", "ls", "--limit", "0", "--format", "json").json
    return next(each for each in listed if each["ref"] == ref)


@pytest.mark.parametrize("bound", ["0", "8"])
def test_a_build_of_somebody_else_ends_on_its_daemon_and_says_by_whom(
    warmroute: Installed, buildkitd: Buildkitd, context: Path, bound: str
) -> None:
    with warmroute.started(*BUILD, "--max-builds", bound, context) as build:
        build.read_until(b"begun\n")
        ref = running(warmroute)["ref"]
        said = warmroute.ok("cancel", ref[:20]).stdout
        code = build.wait(within=10)

    assert said == f"canceled {ref} on one\n"
    assert code == 130
    assert b"the build on one was canceled by ann@" in build.output
    wait_until_idle(buildkitd.address, within=5)
    assert recorded(warmroute, ref)["status"] == "canceled"


def test_all_builds_of_a_key_are_ended(warmroute: Installed, context: Path) -> None:
    with warmroute.started(*BUILD, context) as first, warmroute.started(*BUILD, context) as second:
        first.read_until(b"begun\n")
        second.read_until(b"[2/2]")
        outcomes = warmroute.ok("cancel", "--key", "mine", "--format", "json").json
        codes = first.wait(within=10), second.wait(within=10)

    assert codes == (130, 130)
    assert [each["canceled"] for each in outcomes] == [True, True]


def test_a_build_of_another_key_goes_on(warmroute: Installed, context: Path) -> None:
    with warmroute.started(*BUILD, context) as build:
        build.read_until(b"begun\n")
        ran = warmroute.run("cancel", "--key", "other")
        assert build.process.poll() is None
        warmroute.ok("cancel", "--key", "mine")
        build.wait(within=10)

    assert ran.code == 2
    assert 'no build of the key "other" runs on one' in ran.stderr


def test_pruning_the_history_ends_no_build(warmroute: Installed, buildkitd: Buildkitd, context: Path) -> None:
    with warmroute.started(*BUILD, context) as build:
        build.read_until(b"begun\n")
        ref = running(warmroute)["ref"]
        argv = [str(binaries.buildctl()), "--addr", buildkitd.address, "prune-histories"]
        subprocess.run(argv, capture_output=True, timeout=30, check=False)
        still = running(warmroute)["ref"]
        warmroute.ok("cancel", ref)
        build.wait(within=10)

    assert still == ref


@contextmanager
def others(client: str, daemon: Buildkitd, context: Path, home: Path) -> Iterator[Background]:
    environment = {"PATH": SEARCH_PATH, "HOME": str(home), "DOCKER_CONFIG": str(home)}
    build = ["build", "--no-cache", "--progress=plain"]
    if client == "buildx":
        create = ["create", "--use", "--name", "one", "--driver", "remote", daemon.address]
        subprocess.run([str(binaries.buildx()), *create], env=environment, check=True, capture_output=True)
        argv = [str(binaries.buildx()), *build, str(context)]
    else:
        local = ["--local", f"context={context}", "--local", f"dockerfile={context}"]
        frontend = ["--frontend", "dockerfile.v0", *local]
        argv = [str(binaries.buildctl()), "--addr", daemon.address, *build, *frontend]
    with started(argv, environment, None) as process:
        yield process


@pytest.mark.parametrize("client", ["buildx", "buildctl"])
def test_a_build_of_another_client_is_refused_with_the_reason(
    warmroute: Installed, buildkitd: Buildkitd, context: Path, tmp_path: Path, client: str
) -> None:
    with others(client, buildkitd, context, tmp_path) as build:
        build.read_until(b"begun\n")
        ran = warmroute.run("cancel", running(warmroute)["ref"])
        assert build.process.poll() is None
        build.process.terminate()
        build.wait(within=20)

    assert ran.code == 2
    assert "can be ended only by its own client" in ran.stderr
    assert "hint: interrupt the program that builds" in ran.stderr
    wait_until_idle(buildkitd.address, within=10)


def test_a_build_that_is_over_is_not_ended(warmroute: Installed, context: Path) -> None:
    with warmroute.started(*BUILD, context) as build:
        build.read_until(b"begun\n")
        ref = running(warmroute)["ref"]
        warmroute.ok("cancel", ref)
        build.wait(within=10)

    ran = warmroute.run("cancel", ref)

    assert ran.code == 2
    assert f"the build {ref} on one is over: canceled" in ran.stderr


def test_a_client_that_does_not_hear_it_is_told_of_and_ends_its_build_when_it_does(
    warmroute: Installed, context: Path
) -> None:
    with warmroute.started(*BUILD, context) as build:
        build.read_until(b"begun\n")
        ref = running(warmroute)["ref"]
        build.signal(signal.SIGSTOP)
        ran = warmroute.run("cancel", ref, "--connect-timeout", "1")
        build.signal(signal.SIGCONT)
        code = build.wait(within=10)

    assert ran.code == 1
    assert f"the build {ref} on one still runs after 1 s" in ran.stderr
    assert "hint: interrupt it where it was begun, by ann@" in ran.stderr
    assert code == 130


def test_one_has_to_say_which_build(warmroute: Installed) -> None:
    assert "no build is named" in warmroute.run("cancel").stderr
    assert "REF and --key exclude each other" in warmroute.run("cancel", "--key", "a", "b").stderr
