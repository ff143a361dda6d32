"""warmroute as a command of the real docker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.processes import Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd

NAMES = ("ash", "birch", "cedar")
DOCKERFILE = "FROM scratch\nCOPY file /file\n"


@pytest.fixture
def variables(buildkitd_three: Sequence[Buildkitd], tmp_path: Path) -> dict[str, str]:
    """The fleet, and a docker config of the test's own; there is no engine."""
    fleet = ",".join(f"{name}={each.address}" for name, each in zip(NAMES, buildkitd_three, strict=True))
    return {
        "WARMROUTE_ADDR": fleet,
        "DOCKER_CONFIG": str(tmp_path / "docker config"),
        "DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock",
    }


@pytest.fixture
def warmroute(variables: dict[str, str]) -> Installed:
    return Installed(environment=variables)


@pytest.fixture
def docker(variables: dict[str, str]) -> Installed:
    return Installed(name=str(binaries.docker()), environment=variables)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", {"Dockerfile": DOCKERFILE, "file": "content"})


def test_docker_has_a_command_warmroute_from_install_to_uninstall(
    warmroute: Installed, docker: Installed, context: Path
) -> None:
    assert "'warmroute' is not a docker command" in docker.run("warmroute", "ls").stderr

    warmroute.ok("install", "docker-plugin")
    assert re.search(
        r"^  warmroute\* +Build images on the daemon whose cache is warm",
        docker.ok("--help").stdout,
        re.MULTILINE,
    )
    listed = docker.ok("warmroute", "ls").stdout
    assert re.findall(r"^(\w+) +tcp://\S+ +ready ", listed, re.MULTILINE) == list(NAMES)
    home = docker.ok("warmroute", "where", "example.test/app", "--format", "json").json["home"]
    built = docker.ok("warmroute", "build", "-t", "example.test/app", context)
    assert f"built on {home} (home)" in built.stderr

    docker.ok("warmroute", "uninstall", "docker-plugin")
    assert "'warmroute' is not a docker command" in docker.run("warmroute", "ls").stderr


def test_what_stands_before_the_name_is_heeded(
    warmroute: Installed, docker: Installed, context: Path, tmp_path: Path
) -> None:
    warmroute.ok("install", "docker-plugin")
    config = f"{tmp_path}/docker config"
    elsewhere = Installed(
        name=docker.name, environment={**docker.environment, "DOCKER_CONFIG": str(tmp_path / "other")}
    )
    assert elsewhere.run("warmroute", "version").code != 0

    done = elsewhere.ok("--config", config, "--debug", "warmroute", "build", "-t", "app", context)
    assert "building on" in done.stderr
    assert "key docker.io/library/app" in done.stderr

    load = ("warmroute", "build", "-t", "app", "--load", context)
    refused = docker.run("--host", f"unix://{tmp_path}/another.sock", *load)
    assert refused.code != 0
    assert f"{tmp_path}/another.sock" in refused.stderr


def test_an_error_and_its_exit_code_come_through_docker(warmroute: Installed, docker: Installed) -> None:
    warmroute.ok("install", "docker-plugin")

    done = docker.run("warmroute", "build", "--nonsense")

    assert done.code == 2
    assert done.stderr.startswith("ERROR: no such option: --nonsense\n")
    assert "see docker warmroute build --help" in done.stderr
    assert docker.ok("warmroute", "build", "--help").stdout == docker.ok("help", "warmroute", "build").stdout
