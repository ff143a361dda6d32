"""The files of examples/serve, carried out as far as one machine can: as GitHub, GitLab and systemd would."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.serving.peer import peer_of
from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.processes import BIN
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.registry import Registry

EXAMPLES = Path(__file__).parents[3] / "examples" / "serve"
_BUILDX = binaries.BUILDX.renames["buildx"]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine of a CI system: a checkout, a short directory for what is temporary, three daemons."""

    checkout: Path
    temporary: Path
    addresses: str

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{BIN}:{binaries.buildx().parent}:{binaries.buildctl().parent}:{SEARCH_PATH}"
        return {"PATH": path, "HOME": str(self.temporary / "home"), **more}

    def run(self, script: str, **more: str) -> str:
        """Run commands in one shell that have to succeed, and return what they print."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self.checkout,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def ended(self, path: Path) -> Iterator[None]:
        """End the endpoint that listens on a socket: its CI system would, with everything else of the job."""
        try:
            yield
        finally:
            with socket.socket(socket.AF_UNIX) as client, suppress(FileNotFoundError):
                client.connect(str(path))
                os.kill(peer_of(client).process, signal.SIGTERM)


@pytest.fixture
def machine(buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path) -> Iterator[Machine]:
    checkout = write_tree(
        tmp_path / "checkout", {"Dockerfile": "FROM scratch\nCOPY name /\n", "name": tmp_path.name}
    )
    addresses = ",".join(f"d{number}={each.address}" for number, each in enumerate(buildkitd_three))
    with tempfile.TemporaryDirectory(prefix="serve-") as temporary:
        (Path(temporary) / "home").mkdir()
        yield Machine(checkout=checkout, temporary=Path(temporary), addresses=addresses)


def read_yaml(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


def filled(text: str, inputs: Mapping[str, str]) -> str:
    """Put an action's inputs where GitHub puts them."""
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda match: inputs[match[1]], text)


def test_after_githubs_action_buildx_builds_through_the_endpoint(
    machine: Machine, registry: Registry
) -> None:
    action = read_yaml("github/action.yml")
    inputs = {name: str(each["default"]) for name, each in action["inputs"].items()}
    inputs["addr"] = machine.addresses
    (step,) = action["runs"]["steps"]
    given = machine.temporary / "env"
    github = {"RUNNER_TEMP": str(machine.temporary), "GITHUB_ENV": str(given)}
    variables = {name: filled(value, inputs) for name, value in step["env"].items()}
    image = f"{registry.host}/serve/github"

    with machine.ended(machine.temporary / "warmroute" / "serve.sock"):
        said = machine.run(step["run"], **github, **variables)
        later = dict(line.split("=", 1) for line in given.read_text().splitlines())
        machine.run(f"{_BUILDX} build --tag {image}:1 --push .", **later)
        machine.run("buildctl debug workers", **later)

    assert "listening on unix://" in said
    assert registry.tags("serve/github") == ("1",)


def test_githubs_action_fails_with_the_reason_where_the_endpoint_does_not_start(machine: Machine) -> None:
    (step,) = read_yaml("github/action.yml")["runs"]["steps"]
    variables = {"BUILDER": "warmroute", "WARMROUTE_ADDR": "nothing"}
    github = {"RUNNER_TEMP": str(machine.temporary), "GITHUB_ENV": str(machine.temporary / "env")}
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        env=machine.environment(**github, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "invalid --addr" in done.stdout.replace("WARMROUTE_ADDR", "--addr")


def test_gitlabs_job_builds_and_pushes(machine: Machine, registry: Registry) -> None:
    job = read_yaml("gitlab/gitlab-ci.yml")["image"]
    listen = f"unix://{machine.temporary}/serve.sock"
    variables = {**job["variables"], "WARMROUTE_ADDR": machine.addresses, "WARMROUTE_LISTEN": listen}
    for name in ("WARMROUTE_SELECTOR", "WARMROUTE_NAMESPACE"):
        del variables[name]
    script = _here("\n".join(job["script"]), machine.temporary)

    with machine.ended(machine.temporary / "serve.sock"):
        machine.run(
            script, CI_REGISTRY_IMAGE=f"{registry.host}/serve/gitlab", CI_COMMIT_SHA="0a1b", **variables
        )

    assert registry.tags("serve/gitlab") == ("0a1b",)


def _here(script: str, temporary: Path) -> str:
    """Have a job's commands use what this machine has; the endpoint must not keep the shell's output open."""
    for there, here in (
        ("/opt/warmroute/bin/warmroute", f"{BIN}/warmroute"),
        ("docker buildx", _BUILDX),
        ("/tmp/ready &", f"/tmp/ready > {temporary}/log 2>&1 &"),
        ("/tmp/ready", f"{temporary}/ready"),
    ):
        assert there in script
        script = script.replace(there, here)
    return script


# What systemd does with the two units: the socket by the one, the process by the other.
_ACTIVATED = """
import os, socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


def unit(name: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # as the page of configparser says it
    parsed.read(EXAMPLES / "systemd" / name)
    return parsed


def test_the_service_of_systemd_takes_the_socket_of_its_unit(machine: Machine) -> None:
    listen = unit("warmroute.socket")["Socket"]["ListenStream"].replace("%t", str(machine.temporary))
    program, *words = shlex.split(unit("warmroute.service")["Service"]["ExecStart"])
    addresses = ", ".join(f'"{each}"' for each in machine.addresses.split(","))
    write_tree(
        machine.temporary / "home", {".config/warmroute/config.toml": f"[fleet.ci]\naddr = [{addresses}]\n"}
    )
    os.makedirs(os.path.dirname(listen))
    argv: Sequence[str] = [
        sys.executable,
        "-c",
        _ACTIVATED,
        listen,
        f"{BIN}/{os.path.basename(program)}",
        *words,
    ]
    with subprocess.Popen(argv, env=machine.environment()) as process:
        try:
            while not os.path.exists(listen):
                assert process.poll() is None
            machine.run("buildctl debug workers", BUILDKIT_HOST=f"unix://{listen}")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_the_unit_waits_longer_than_the_grace() -> None:
    assert unit("warmroute.service")["Service"]["TimeoutStopSec"] == "11min"
