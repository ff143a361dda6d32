"""What pages tell users to run on daemons, run as it stands there."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.pages import blocks
from tests.e2e.program import WARMROUTE
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.dockerd import Dockerd


def run(script: str, folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run commands of a page in a folder."""
    return subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env={"PATH": f"{WARMROUTE.parent}:{SEARCH_PATH}", "HOME": str(folder), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("lines", ["FROM scratch\nCOPY hello /\n", "FROM scratch\nCOPY missing /\n"])
def test_the_buildx_of_the_page_ends_as_the_build_does_and_leaves_no_builder(
    buildkitd: Buildkitd, dockerd: Dockerd, tmp_path: Path, lines: str
) -> None:
    write_tree(tmp_path, {"Dockerfile": lines, "hello": "hello\n"})
    script = blocks("docs/how-to/other-tools.md", "sh")[0]
    variables = {
        **dockerd.environment,
        "BUILDX_CONFIG": str(tmp_path / "buildx"),
        "PATH": f"{WARMROUTE.parent}:{binaries.docker().parent}:{SEARCH_PATH}",
    }

    done = run(script.replace("--selector app=buildkitd", f"--addr {buildkitd.address}"), tmp_path, variables)

    assert (done.returncode != 0) == ("missing" in lines), done.stderr
    assert "routed-" in done.stdout
    assert "routed-" not in dockerd.cli("buildx", "ls", env={"BUILDX_CONFIG": str(tmp_path / "buildx")})
