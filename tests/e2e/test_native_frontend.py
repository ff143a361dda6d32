"""Frontends that are images: BuildKit's own Dockerfile frontend, run as gateway.v0."""

from __future__ import annotations

from pathlib import Path

import pytest

from router import BuildError, BuildRequest
from tests.e2e.builder import Builder, write_tree
from tests.servers import binaries
from tests.servers.oci import Entry, Image
from tests.servers.registry import Registry

DOCKERFILE = "FROM scratch\nARG WORD\nCOPY a.txt /copied\nLABEL word=$WORD\n"


@pytest.fixture(scope="module")
def frontend(registry: Registry) -> str:
    """The reference of the frontend's image."""
    folders = [Entry(path=path) for path in ("bin", "dev", "etc", "proc", "sys", "run", "tmp")]
    program = Entry(path="bin/dockerfile-frontend", source=binaries.dockerfile_frontend())
    image = Image(
        reference="dockerfile",
        layers=((*folders, program),),
        config={
            "Entrypoint": ["/bin/dockerfile-frontend"],
            "Labels": {"moby.buildkit.frontend.caps": "moby.buildkit.frontend.inputs"},
        },
    )
    return registry.push(image, "docker/dockerfile", "1")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", {"Dockerfile": DOCKERFILE, "a.txt": "a\n"})


def test_a_syntax_line_runs_the_frontend_that_it_names(
    builder: Builder, context: Path, frontend: str
) -> None:
    write_tree(context, {"Dockerfile": f"# syntax={frontend}\n{DOCKERFILE}"})

    image = builder.image(BuildRequest(context=str(context), build_args={"WORD": "by-line"}))

    assert image.files() == {"copied": b"a\n"}
    assert image.config()["config"]["Labels"] == {"word": "by-line"}
    assert any(frontend in name for name in builder.vertexes)


def test_the_build_argument_buildkit_syntax_does_so_too(
    builder: Builder, context: Path, frontend: str
) -> None:
    arguments = {"WORD": "by-argument", "BUILDKIT_SYNTAX": frontend}

    image = builder.image(BuildRequest(context=str(context), build_args=arguments))

    assert image.files() == {"copied": b"a\n"}
    assert image.config()["config"]["Labels"] == {"word": "by-argument"}
    assert any(frontend in name for name in builder.vertexes)


def test_gateway_v0_can_be_asked_for_by_its_name(builder: Builder, context: Path, frontend: str) -> None:
    request = BuildRequest(context=str(context), frontend="gateway.v0", frontend_options={"source": frontend})

    assert builder.files(request) == {"copied": b"a\n"}


def test_a_frontend_that_is_nowhere_fails_the_build(
    builder: Builder, context: Path, registry: Registry
) -> None:
    write_tree(context, {"Dockerfile": f"# syntax={registry.host}/nothing:1\n{DOCKERFILE}"})

    with pytest.raises(BuildError, match="nothing:1"):
        builder.build(BuildRequest(context=str(context)))


def test_a_mistake_that_a_frontend_image_finds_is_shown_with_its_place(
    builder: Builder, context: Path, frontend: str
) -> None:
    write_tree(context, {"Dockerfile": f"# syntax={frontend}\nFROM scratch\nNONSENSE\n"})

    with pytest.raises(BuildError, match="unknown instruction: NONSENSE") as caught:
        builder.build(BuildRequest(context=str(context)))

    assert "3 | >>> NONSENSE" in caught.value.excerpt
