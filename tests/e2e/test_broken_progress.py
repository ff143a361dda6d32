"""A daemon that breaks its progress off and builds on: the result stands, and what is missing is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from router import BuildRequest, RouterError
from tests.e2e.builder import Builder, write_tree
from tests.e2e.program import Program
from tests.servers.buildkitd import Buildkitd

LINES = 5000
SAID = r"progress from \S+ ended early \(.*larger than max.*\): steps and warnings may be missing"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context whose Dockerfile has warnings that don't fit in one message: each has the whole file."""
    return write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\n" + "ENV a b\n" * LINES})


def test_the_display_says_that_something_is_missing(buildkitd: Buildkitd, context: Path) -> None:
    done = Program().ok("build", context, "--addr", buildkitd.address, "--progress", "plain")

    assert len(re.findall(f"(?m)^warmroute: {SAID}$", done.stderr)) == 1
    counts = re.findall(r"(?m)^ (.*) warnings? found", done.stderr)
    assert all(re.fullmatch(r"at least \d+", count) for count in counts)


def test_so_does_rawjson(buildkitd: Buildkitd, context: Path) -> None:
    done = Program().ok("build", context, "--addr", buildkitd.address, "--progress", "rawjson")

    messages = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    names = [vertex["name"] for message in messages for vertex in message.get("vertexes", ())]
    assert len([name for name in names if re.fullmatch(rf"\[warmroute\] {SAID}", name)]) == 1


@pytest.mark.parametrize(
    "dockerfile", ["FROM scratch\nCOPY none /\n", "FROM nowhere.invalid/none\n", "NONE\n"]
)
def test_a_build_that_fails_has_its_whole_progress(builder: Builder, tmp_path: Path, dockerfile: str) -> None:
    context = write_tree(tmp_path / "context", {"Dockerfile": dockerfile})

    with pytest.raises(RouterError):
        builder.build(BuildRequest(context=str(context)))

    assert not [warning for warning in builder.warnings if "progress" in warning]
