"""Which tags and annotations are taken and which refused, beside buildx on the same daemon."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.processes import Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.registry import Registry

_DIGEST = "sha256:" + 64 * "5"
_NOWHERE = "tcp://127.0.0.1:1"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"}
    return write_tree(tmp_path_factory.mktemp("named") / "context", files)


class Buildx:
    """buildx with one builder, the daemon."""

    def __init__(self, daemon: Buildkitd, home: Path) -> None:
        self._environment = {"PATH": SEARCH_PATH, "HOME": str(home), "DOCKER_CONFIG": str(home)}
        self.run("create", "--use", "--name", "one", "--driver", "remote", daemon.address).check_returncode()

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        argv = [binaries.buildx(), *arguments]
        return subprocess.run(
            argv, env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture(scope="module")
def buildx(buildkitd: Buildkitd, tmp_path_factory: pytest.TempPathFactory) -> Buildx:
    return Buildx(buildkitd, tmp_path_factory.mktemp("buildx"))


@pytest.mark.parametrize(
    "tag",
    [
        *("app__x", "App/x:1", "localhost:5000/team/app:1", f"app@{_DIGEST}", f"app:1@{_DIGEST}"),
        *(f"app:{64 * 'a'}", f"team/{64 * 'a'}"),
    ],
)
def test_a_tag_that_buildx_takes_is_taken(
    buildx: Buildx, buildkitd: Buildkitd, context: Path, tag: str
) -> None:
    options = ("build", "--output=type=image", "--tag", tag)

    theirs = buildx.run(*options, context)
    ours = Installed().run(*options, f"--addr={buildkitd.address}", context)

    assert (theirs.returncode, ours.code) == (0, 0), ours.stderr
    assert ("is ignored: the image gets its own" in ours.stderr) == ("@" in tag)


@pytest.mark.parametrize(
    "tag",
    [
        *("", "App", "localhost:5000/App", "app::1", "app:", ":1", "app:.1", "a b", "app/", "app@sha256:5"),
        64 * "a",
    ],
)
def test_a_tag_that_buildx_refuses_is_refused_before_anything_is_connected(
    buildx: Buildx, context: Path, tag: str
) -> None:
    options = ("build", "--output=type=image", "--tag", "fine", "--tag", tag)

    theirs = buildx.run(*options, context)
    ours = Installed().run(*options, f"--addr={_NOWHERE}", context)

    assert theirs.returncode != 0
    assert ours.code == 2
    assert f'invalid --tag "{tag}"' in ours.stderr
    assert "hint: " in ours.stderr


def test_an_annotation_of_an_index_makes_an_index_as_in_buildx(
    buildx: Buildx, buildkitd: Buildkitd, registry: Registry, context: Path
) -> None:
    options = ("build", "--annotation", "index:a=b", "--push", "--tag")

    buildx.run(*options, f"{registry.host}/annotated:theirs", context).check_returncode()
    Installed().ok(*options, f"{registry.host}/annotated:ours", f"--addr={buildkitd.address}", context)

    theirs, ours = (registry.manifest("annotated", name) for name in ("theirs", "ours"))
    assert ours["annotations"] == theirs["annotations"] == {"a": "b"}
    assert attested(registry, ours) == attested(registry, theirs) == ["https://slsa.dev/provenance/v1"]


def attested(registry: Registry, index: Mapping[str, Any]) -> list[str]:
    """Return what is attested of the image of an index."""
    _, attestation = index["manifests"]
    manifest: Mapping[str, Any] = registry.manifest("annotated", attestation["digest"])
    return [layer["annotations"]["in-toto.io/predicate-type"] for layer in manifest["layers"]]


@pytest.mark.parametrize("more", [("--provenance=false", "--output=type=image"), ("--output=type=oci",)])
def test_an_annotation_of_an_index_is_refused_where_there_is_none_as_in_buildx(
    buildx: Buildx, buildkitd: Buildkitd, context: Path, more: Sequence[str]
) -> None:
    options = ("build", "--annotation", "index:a=b", *more)

    theirs = buildx.run(*options, context)
    ours = Installed().run(*options, f"--addr={buildkitd.address}", context)

    assert theirs.returncode == ours.code == 1
    for said in (theirs.stderr, ours.stderr):
        assert "index annotations not supported for single platform export" in said
