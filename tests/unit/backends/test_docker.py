"""The docker backend's judgement of the docker command it finds, and what it would run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.address import parse_address
from router.backends import BackendContext
from router.backends.docker import DockerBackend
from router.cancellation import Cancellation
from router.errors import ToolError, UsageError
from router.model.daemon import Daemon
from router.model.request import BuildRequest, Secret
from tests.unit.prepared import looked_up

ENGINE = Daemon(name="docker", address=parse_address("docker://?host=unix:///run/engine.sock"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


@pytest.fixture
def make_context(tmp_path: Path) -> Iterator[Callable[[str], BackendContext]]:
    """Make contexts whose PATH has only a `docker` with the given script."""
    folder = tmp_path / "bin"
    folder.mkdir()
    with Cancellation() as cancellation:

        def make(script: str) -> BackendContext:
            if script:
                (folder / "docker").write_text(f"#!/bin/sh\n{script}\n")
                (folder / "docker").chmod(0o755)
            return BackendContext(
                key="k",
                on_event=lambda _: None,
                cancellation=cancellation,
                environment={"PATH": str(folder), "TOKEN": "hidden", "HOME": str(tmp_path)},
            )

        yield make


@pytest.mark.parametrize(
    ("script", "message", "hint"),
    [
        ("", "docker is not installed", "docker-ce-cli"),
        (
            '[ "$3" = --version ] && echo "Docker version 28.2.2, build e6534b4"',
            "docker 28.2.2 can't build with BuildKit without buildx",
            "docker-buildx",
        ),
        (
            '[ "$3" = --version ] && echo "Docker version 18.06.3-ce, build d7080c1"',
            "docker 18.6.3 is too old for BuildKit",
            "docker-ce-cli",
        ),
    ],
)
def test_a_docker_that_can_not_build_is_refused_with_the_way_to_get_it(
    make_context: Callable[[str], BackendContext], project: Path, script: str, message: str, hint: str
) -> None:
    with pytest.raises(ToolError, match=message) as caught:
        DockerBackend().build(looked_up(BuildRequest(context=str(project))), ENGINE, make_context(script))

    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_a_daemon_that_is_no_engine_is_refused(
    make_context: Callable[[str], BackendContext], project: Path
) -> None:
    daemon = Daemon(name="one", address=parse_address("tcp://one:1234"))

    with pytest.raises(UsageError, match="needs a Docker engine; tcp://one:1234 is not one") as caught:
        DockerBackend().build(looked_up(BuildRequest(context=str(project))), daemon, make_context(""))

    assert caught.value.hint == "use --backend native"


def test_the_command_is_shown_redacted_without_running_anything(
    make_context: Callable[[str], BackendContext], project: Path
) -> None:
    request = BuildRequest(
        context=str(project),
        build_args={"API_TOKEN": "hidden"},
        secrets=(Secret(id="a", env="TOKEN"),),
    )

    assert DockerBackend().command(looked_up(request), ENGINE, make_context("")) == [
        *("docker", "--host", "unix:///run/engine.sock", "build"),
        *("--build-arg", "API_TOKEN=****", "--secret", "id=a,env=TOKEN"),
        str(project),
    ]


def test_an_address_without_a_name_means_the_engine_of_the_environment(
    make_context: Callable[[str], BackendContext], project: Path
) -> None:
    daemon = Daemon(name="docker", address=parse_address("docker://"))

    shown = DockerBackend().command(looked_up(BuildRequest(context=str(project))), daemon, make_context(""))

    assert shown[:3] == ["docker", "--host", "unix:///var/run/docker.sock"]
