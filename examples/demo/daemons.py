"""Three daemons to build on: real buildkitd processes, else containers of a local Docker engine.

A buildkitd from PATH is taken as it is; else one is built from its Go module. A buildkitd process needs root
and Linux; without them a Docker engine can run moby/buildkit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.servers import binaries
from tests.servers.buildkitd import Programs, start_buildkitd
from tests.servers.cache import ServerError

__all__ = ["DemoError", "three_daemons"]

Addresses = tuple[tuple[str, str], ...]

_NAMES = ("ash", "birch", "cedar")
_IMAGE = "moby/buildkit:latest"


class DemoError(Exception):
    """No daemon can be had here; the message says what is missing."""


@contextmanager
def three_daemons(directory: Path) -> Iterator[Addresses]:
    """Yield the names and addresses of three running daemons; they are gone afterwards."""
    missing: list[str] = []
    programs = _programs(missing)
    if programs is not None:
        with ExitStack() as stack:
            daemons = [
                stack.enter_context(start_buildkitd(directory / name, unix=False, programs=programs))
                for name in _NAMES
            ]
            yield tuple((name, daemon.address) for name, daemon in zip(_NAMES, daemons, strict=True))
        return
    docker = _docker_with_engine(missing)
    if docker is None:
        raise DemoError("no BuildKit daemon can be started here:\n" + "\n".join(f"  - {m}" for m in missing))
    with _containers(docker) as addresses:
        yield addresses


def _programs(missing: list[str]) -> Programs | None:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        missing.append("a buildkitd process needs Linux and root (run as root)")
        return None
    try:
        return Programs(buildkitd=binaries.find_buildkitd(), runc=binaries.find_runc())
    except (ServerError, OSError, subprocess.CalledProcessError) as exc:
        missing.append(f"no buildkitd and runc on PATH, and they can't be built: {exc}")
        return None


def _docker_with_engine(missing: list[str]) -> str | None:
    docker = shutil.which("docker")
    if docker is None:
        missing.append("no docker command on PATH")
        return None
    answer = subprocess.run([docker, "version"], capture_output=True, text=True, check=False)
    if answer.returncode:
        missing.append(f"no Docker engine answers: {answer.stderr.strip()}")
        return None
    return docker


@contextmanager
def _containers(docker: str) -> Iterator[Addresses]:
    with ExitStack() as stack:
        yield tuple((name, stack.enter_context(_container(docker))) for name in _NAMES)


@contextmanager
def _container(docker: str) -> Iterator[str]:
    def run(*arguments: str) -> str:
        done = subprocess.run([docker, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoError(f"docker {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    container = run(
        *("run", "--detach", "--rm", "--privileged", "--publish", "127.0.0.1::1234"),
        *(_IMAGE, "--addr", "tcp://0.0.0.0:1234"),
    )
    try:
        port = run("port", container, "1234/tcp").rsplit(":", 1)[1]
        yield f"tcp://127.0.0.1:{port}"
    finally:
        subprocess.run([docker, "rm", "--force", container], capture_output=True, check=False)
