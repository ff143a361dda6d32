"""`--metadata-file`, beside buildx's on the same daemon."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.processes import Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.dockerd import Dockerd
from tests.servers.registry import Registry

# What names one run.
RUN_KEYS = {"buildx.build.ref"}
# What only a router knows.
OWN_KEYS = {"warmroute.build"}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    dockerfile = "FROM scratch AS Base\nARG WORD\nCOPY file /\nMAINTAINER me\n"
    return write_tree(tmp_path / "context", {"Dockerfile": dockerfile, "file": "content"})


@pytest.fixture(scope="module")
def buildx_home(buildkitd: Buildkitd, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("buildx")
    environment = {"PATH": SEARCH_PATH, "HOME": str(home), "DOCKER_CONFIG": str(home)}
    argv: list[str | Path] = [binaries.buildx(), "create", "--use", "--name", "one", "--driver", "remote"]
    subprocess.run([*argv, buildkitd.address], env=environment, check=True, capture_output=True)
    return home


@pytest.fixture
def both(buildkitd: Buildkitd, buildx_home: Path, context: Path, tmp_path: Path) -> Any:
    """Return a function that builds with both, and returns their metadata: buildx's, then ours."""

    def build(*options: str, **variables: str) -> tuple[dict[str, Any], dict[str, Any]]:
        theirs, ours = tmp_path / "theirs", tmp_path / "ours"
        environment = {"PATH": SEARCH_PATH, "HOME": str(buildx_home), "DOCKER_CONFIG": str(buildx_home)}
        argv: list[str | Path] = [binaries.buildx(), "build", *options, "--metadata-file", theirs, context]
        subprocess.run(argv, env={**environment, **variables}, check=True, capture_output=True, timeout=60)
        warmroute = Installed(environment={"WARMROUTE_ADDR": f"one={buildkitd.address}", **variables})
        warmroute.ok("build", *options, "--metadata-file", ours, context)
        return json.loads(theirs.read_text()), json.loads(ours.read_text())

    return build


def without_times(value: Any) -> Any:
    """Leave out what differs from run to run: times, what was used, ids, digests of what names a session."""
    if isinstance(value, dict):
        times = ("buildStartedOn", "buildFinishedOn", "sysUsage", "resourceUsage")
        varying = (*times, "buildInvocationID", "digestMapping", "vertex")
        return {name: without_times(each) for name, each in value.items() if name not in varying}
    return [without_times(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--output", "type=image", "--provenance=false"),
        ("--output", "type=image,name=a.test/b:1", "--provenance=false"),
        ("--output", "type=image", "--platform", "linux/amd64,linux/arm64", "--provenance=false"),
    ],
)
def test_a_metadata_file_is_the_one_that_buildx_writes_and_where_it_was_built(
    both: Any, options: tuple[str, ...]
) -> None:
    theirs, ours = both(*options)

    assert ours.keys() == theirs.keys() | OWN_KEYS
    assert {name: ours[name] for name in ours.keys() - RUN_KEYS - OWN_KEYS} == {
        name: theirs[name] for name in theirs.keys() - RUN_KEYS
    }


def test_the_whole_provenance_and_the_warnings_are_those_of_buildx(both: Any) -> None:
    theirs, ours = both(BUILDX_METADATA_PROVENANCE="max", BUILDX_METADATA_WARNINGS="1")

    assert "metadata" in ours["buildx.build.provenance"]
    assert without_times(ours["buildx.build.provenance"]) == without_times(theirs["buildx.build.provenance"])
    listed = [
        sorted(map(json.dumps, without_times(each["buildx.build.warnings"]))) for each in (theirs, ours)
    ]
    assert len(listed[1]) > 1
    assert listed[0] == listed[1]


def test_provenance_is_left_out_where_a_variable_says_so(both: Any) -> None:
    theirs, ours = both(BUILDX_METADATA_PROVENANCE="disabled")

    assert theirs.keys() == {"buildx.build.ref"}
    assert ours.keys() == theirs.keys() | OWN_KEYS


def test_the_digest_is_the_registrys(both: Any, registry: Registry) -> None:
    _, ours = both("--push", "-t", f"{registry.host}/metadata/app:1", "--provenance=mode=min")

    assert ours["containerimage.digest"] == registry.digest("metadata/app", "1")
    assert ours["image.name"] == f"{registry.host}/metadata/app:1"


def test_an_engine_without_a_history_leaves_provenance_out(dockerd: Dockerd, context: Path) -> None:
    path = context.parent / "metadata"

    done = Installed(environment=dockerd.environment).ok("build", "--metadata-file", path, context)

    assert "provenance" not in path.read_text() + done.stderr
