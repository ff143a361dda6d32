"""docs/tutorial.md, followed word for word: every command of it, in order, in one shell."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.builder import SEARCH_PATH
from tests.e2e.pages import REPOSITORY, assert_shown, blocks
from tests.e2e.program import WARMROUTE
from tests.servers import binaries
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")


def test_the_tutorial_works_as_it_is_written(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    commands = blocks("docs/tutorial.md", "sh")

    done = subprocess.run(
        ["sh", "-ec", "\n".join(commands)],
        cwd=tmp_path,
        env={
            "PATH": f"{WARMROUTE.parent}:{binaries.kubectl().parent}:{SEARCH_PATH}",
            "HOME": str(tmp_path),
            "KUBECONFIG": str(cluster.kubeconfig),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    built = re.findall(r"built on (\S+) \((.*)\): (\d) of 1 steps? cached", done.stdout)
    assert [(daemon, place == "home", int(cached)) for daemon, place, cached in built] == [
        ("buildkitd-2", True, 0),
        ("buildkitd-2", True, 1),
        ("buildkitd-1", False, 0),
        ("buildkitd-2", True, 1),
        ("buildkitd-1", False, 1),  # home is a new pod
        ("buildkitd-1", False, 1),
    ]
    for shown in blocks("docs/tutorial.md", "")[1:]:
        assert_shown(shown, done.stdout)
    greeter, web, greeter_of_two, web_of_two = re.findall(r"^home +(\S+)", done.stdout, re.MULTILINE)
    assert (greeter, greeter_of_two) == ("buildkitd-2", "buildkitd-1")
    assert web == web_of_two
    assert "\nhello from the cache\n" in done.stdout
    assert not (tmp_path / "out").exists()
