"""A checkout with files made to be taken for configuration and programs; and helpers that hang."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from tests.e2e.builder import SEARCH_PATH, small_busybox, write_tree
from tests.e2e.processes import Installed
from tests.e2e.program import WARMROUTE, Finished
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.registry import Registry

PROGRAMS = ("buildctl", "docker", "ssh", "kubectl", "git", "docker-credential-theirs", "login", "sh")
DOCKERFILE = "FROM scratch\nCOPY a.txt /\n"


@pytest.fixture
def busybox(registry: Registry) -> str:
    return registry.push(small_busybox(), "checkout/busybox")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A context whose files are a docker config, a kubeconfig and programs that leave a mark."""
    config = {
        "credsStore": "theirs",
        "currentContext": "theirs",
        "proxies": {"default": {"httpProxy": "http://theirs:1"}},
    }
    kubeconfig = {
        "current-context": "theirs",
        "contexts": [{"name": "theirs", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"exec": {"command": "login"}}}],
    }
    mark = f"#!/bin/sh\necho $0 $@ >> {tmp_path}/stolen\n"
    root = write_tree(
        tmp_path / "checkout",
        {
            "Dockerfile": DOCKERFILE,
            "a.txt": "a\n",
            "warmroute.toml": '[defaults]\naddr = "theirs=ssh://theirs"\nbackend = "docker"\n',
            ".docker/config.json": json.dumps(config),
            ".kube/config": json.dumps(kubeconfig),
            **dict.fromkeys(PROGRAMS, mark),
        },
    )
    for name in PROGRAMS:
        (root / name).chmod(0o755)
    return root


def run(variables: Mapping[str, str], cwd: Path, *args: str) -> Finished:
    """Run warmroute with no other variables than these."""
    began = time.monotonic()
    done = subprocess.run(
        [WARMROUTE, *args],
        env=dict(variables),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    seconds = time.monotonic() - began
    return Finished(code=done.returncode, stdout=done.stdout, stderr=done.stderr, seconds=seconds)


@pytest.mark.parametrize(("home", "path"), [({}, "."), ({"HOME": ""}, ":"), ({"HOME": "."}, "./")])
@pytest.mark.parametrize(
    "args",
    [
        ("build", "--addr", "{address}", "--push", "-t", "{registry}/a/b:1"),
        ("build", "--addr", "{address}", "--backend", "buildctl"),
        ("build", "--addr", "ssh://host"),
        ("build", "--addr", "{address}", "--load", "-t", "x"),
        ("build", "--backend", "docker"),
        ("ls", "--selector", "app=buildkitd"),
        ("exec", "--addr", "{address}", "--", "git", "status"),
    ],
)
def test_nothing_of_a_checkout_is_run_or_taken_for_configuration(  # noqa: PLR0917 - fixtures
    buildkitd: Buildkitd,
    private_registry: Registry,
    checkout: Path,
    home: dict[str, str],
    path: str,
    args: tuple[str, ...],
) -> None:
    given = [each.format(address=buildkitd.address, registry=private_registry.host) for each in args]

    done = run({**home, "PATH": path}, checkout, *given)

    assert not (checkout.parent / "stolen").exists()
    assert "theirs" not in done.stderr
    assert "Traceback" not in done.stderr
    # None of it can be done without what the checkout pretends to be.
    assert args[0] == "ls" or done.code in {1, 69}


def test_a_build_step_gets_no_proxy_of_the_checkouts(
    buildkitd: Buildkitd, busybox: str, checkout: Path
) -> None:
    (checkout / "Dockerfile").write_text(f"FROM {busybox}\nRUN echo proxy=$http_proxy.\n")

    done = run(
        {"PATH": f".:{SEARCH_PATH}"},
        checkout,
        *("build", "--addr", buildkitd.address, "--progress", "plain", "--no-cache"),
    )

    assert done.code == 0, done.stderr
    assert "proxy=." in done.stderr
    assert not (checkout.parent / "stolen").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_a_credential_helper_that_hangs_ends_with_the_build(
    buildkitd: Buildkitd,
    private_registry: Registry,
    tmp_path: Path,
    number: signal.Signals,
    backend: str,
) -> None:
    context = write_tree(tmp_path / "context", {"Dockerfile": DOCKERFILE, "a.txt": tmp_path.name})
    pid_file = tmp_path / "pid"
    os.mkfifo(pid_file)
    helper = write_tree(
        tmp_path / "bin",
        {"docker-credential-slow": f"#!/bin/sh\ntrap '' INT TERM\necho $$ > {pid_file}\nsleep 600\n"},
    )
    (helper / "docker-credential-slow").chmod(0o755)
    config = write_tree(tmp_path / "docker", {"config.json": '{"credsStore": "slow"}'})
    path = f"{helper}:{binaries.buildctl().parent}:{SEARCH_PATH}"
    command = Installed(environment={"PATH": path, "DOCKER_CONFIG": str(config)})
    options = ("--addr", buildkitd.address, "--backend", backend, "--push")
    with command.started("build", *options, "-t", f"{private_registry.host}/slow:1", context) as build:
        pid = int(pid_file.read_text())
        build.signal(number)
        assert build.wait(within=10) == 130  # the helper is given 45 s

    assert not is_running(pid)


def is_running(pid: int) -> bool:
    """Say whether a process is there; one that is dead and that nobody has waited for yet is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
