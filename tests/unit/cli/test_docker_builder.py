"""What docker sends to its builder and is not a build: it goes on to buildx, as docker does it by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_RUN = "from cli.docker_plugin import run; import sys; sys.argv[0] = 'docker-warmroutebuilder'; run()"


def handed_on(tmp_path: Path, *words: str, **environment: str) -> list[str]:
    """Return what docker is called with: its builder's variable, and its arguments."""
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "$BUILDX_BUILDER"\nprintf "%s\\n" "$@"\n')
    docker.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *words],
        env={"PATH": str(tmp_path), "DOCKER_CONFIG": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "buildx"),
    [
        (["warmroutebuilder", "prune", "-f"], ["prune", "-f"]),
        (["-D", "warmroutebuilder", "bake"], ["bake"]),
        (["warmroutebuilder"], []),
        (["warmroutebuilder", "build", "--builder", "default", "."], ["build", "--builder", "default", "."]),
    ],
)
def test_the_rest_goes_to_the_buildx_of_the_engine(
    tmp_path: Path, words: list[str], buildx: list[str]
) -> None:
    assert handed_on(tmp_path, *words)[1:] == ["buildx", *buildx]


def test_the_builder_is_the_context_unless_one_is_named(tmp_path: Path) -> None:
    prune = ("warmroutebuilder", "prune")

    assert handed_on(tmp_path, *prune)[0] == "default"
    assert handed_on(tmp_path, *prune, BUILDX_BUILDER="mine")[0] == "mine"
    assert handed_on(tmp_path, *prune, "--builder=other")[0] == ""
    assert handed_on(tmp_path, *prune, DOCKER_HOST="unix:///e.sock", DOCKER_CONTEXT="lab")[0] == "default"


def test_docker_is_the_one_that_called(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "docker"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho other\n")
    other.chmod(0o755)

    said = handed_on(tmp_path, "warmroutebuilder", "du", DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND=str(other))

    assert said == ["other"]
