"""docker compose through the endpoint: it has buildx bake what its services build, on buildx's builder."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.serving.endpoints import Ran, Served, run
from tests.servers import binaries
from tests.servers.dockerd import Dockerd
from tests.servers.registry import Registry

_BUILDER = "warmroute"


class Compose:
    """compose with buildx as its plugin, which has a builder that leads to the endpoint."""

    def __init__(self, served: Served) -> None:
        plugins = served.scratch / "docker" / "cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-buildx").symlink_to(binaries.buildx())
        self.served = served
        # Without an engine nobody could say whether it has BuildKit.
        self.environment = served.environment(DOCKER_CONFIG=str(plugins.parent), DOCKER_BUILDKIT="1")
        self.buildx("create", f"--name={_BUILDER}", "--driver=remote", served.address).ok()

    def buildx(self, *args: str, **more: str) -> Ran:
        return run([binaries.buildx(), *args], {**self.environment, **more})

    def __call__(self, project: Path, *args: str, **more: str) -> Ran:
        return run([binaries.compose(), *args], {**self.environment, **more}, cwd=project)


@pytest.fixture
def compose(served: Served) -> Compose:
    return Compose(served)


def name_at(served: Served, host: str, daemon: str) -> str:
    """An image's name in a registry that belongs to a daemon."""
    while True:
        name = f"{host}/compose/{uuid.uuid4().hex}"
        if served.home(name) == daemon:
            return name


def project(folder: Path, images: Mapping[str, str]) -> Path:
    """A project of services that build, each in a directory of its own."""
    services = {name: {"image": image, "build": f"./{name}"} for name, image in images.items()}
    files = {"compose.yaml": json.dumps({"name": "shop", "services": services})}
    for name in images:
        files |= {f"{name}/Dockerfile": "FROM scratch\nCOPY name /\n", f"{name}/name": folder.name + name}
    return write_tree(folder / "project", files)


@pytest.mark.parametrize("chosen", ["BUILDX_BUILDER", "buildx use", "--builder"])
def test_each_service_is_built_at_its_home_and_pushed(
    compose: Compose, served: Served, registry: Registry, chosen: str
) -> None:
    if chosen == "buildx use":
        compose.buildx("use", _BUILDER).ok()
    variables = {chosen: _BUILDER} if chosen == "BUILDX_BUILDER" else {}
    flags = (chosen, _BUILDER) if chosen == "--builder" else ()
    images = {name: name_at(served, registry.host, at) for name, at in {"api": "d0", "web": "d2"}.items()}
    before = served.built()

    compose(project(served.scratch, images), "build", "--push", *flags, **variables).ok()

    assert served.built() == before | {"d0": before["d0"] + 1, "d2": before["d2"] + 1}
    for image in images.values():
        assert registry.tags(image.removeprefix(f"{registry.host}/")) == ("latest",)


def test_a_service_that_is_based_on_another_one_is_built_where_that_is(
    compose: Compose, served: Served, registry: Registry
) -> None:
    images = {name: name_at(served, registry.host, at) for name, at in {"api": "d0", "web": "d2"}.items()}
    folder = project(served.scratch, images)
    file = json.loads((folder / "compose.yaml").read_text())
    file["services"]["web"]["build"] = {"context": "./web", "additional_contexts": {"under": "service:api"}}
    (folder / "compose.yaml").write_text(json.dumps(file))
    (folder / "web" / "Dockerfile").write_text("FROM under\nCOPY name /web\n")
    before = served.built()

    compose(folder, "build", "--push", "--builder", _BUILDER).ok()

    assert served.built() == before | {"d0": before["d0"] + 2}


def test_what_is_built_is_loaded_into_the_engine(compose: Compose, served: Served, dockerd: Dockerd) -> None:
    images = {name: name_at(served, "shop.test", at) for name, at in {"api": "d1", "web": "d2"}.items()}

    engine = {"DOCKER_HOST": dockerd.host}
    compose.buildx("use", _BUILDER, **engine).ok()
    compose(project(served.scratch, images), "build", **engine).ok()

    argv: list[str | Path] = [binaries.docker(), "image", "ls", "--format={{.Repository}}"]
    assert set(images.values()) <= set(run(argv, served.environment(**engine)).ok().stdout.split())
