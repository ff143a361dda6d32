"""What a .dockerignore keeps back stays here, or nothing is built."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router import BuildRequest
from tests.e2e.builder import Builder, active_builds, write_tree
from tests.e2e.program import Finished, Program
from tests.servers.buildkitd import Buildkitd

# Root that may not read everything, as in a container without these capabilities.
CAPABILITIES = "-dac_override,-dac_read_search"
RESTRICTED = ("setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}", "--")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context with a file that is to stay here."""
    files = {"Dockerfile": "FROM scratch\nCOPY sub /sub\n", "sub/key": "SECRET", "sub/other": "x"}
    return write_tree(tmp_path / "context", files)


def build(context: Path, daemon: Buildkitd, out: Path) -> Finished:
    program = Program(under=RESTRICTED)
    return program.run(
        "build", context, "--addr", daemon.address, "--output", out, "--progress", "plain", within=30
    )


def test_one_that_cant_be_read_ends_the_build(buildkitd: Buildkitd, context: Path, tmp_path: Path) -> None:
    write_tree(context, {".dockerignore": "**/key\n"})
    (context / ".dockerignore").chmod(0)

    done = build(context, buildkitd, tmp_path / "out")

    assert done.code == 2
    assert f"ERROR: can't read {context}/.dockerignore: permission denied\n" in done.stderr
    assert not (tmp_path / "out").exists()


def test_one_that_only_the_transfer_finds_unreadable_ends_the_build(
    buildkitd: Buildkitd, context: Path, tmp_path: Path
) -> None:
    write_tree(context, {"private/ignore": "**/key\n"})
    (context / ".dockerignore").symlink_to("private/ignore")
    (context / "private").chmod(0)

    done = build(context, buildkitd, tmp_path / "out")

    assert done.code == 2, done.stderr
    assert f"ERROR: can't send \"{context}/private" in done.stderr
    assert "permission denied" in done.stderr
    assert not (tmp_path / "out/sub").exists()


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore"])
def test_a_pipe_as_one_holds_no_daemon_up(
    buildkitd: Buildkitd, context: Path, tmp_path: Path, name: str
) -> None:
    os.mkfifo(context / name)
    before = active_builds(buildkitd.address)

    done = build(context, buildkitd, tmp_path / "out")

    assert done.code == 2
    assert f"{context}/{name} is neither a file nor a link to one" in done.stderr
    assert active_builds(buildkitd.address) <= before


@pytest.mark.parametrize("null", [True, False], ids=["null-device", "directory"])
def test_an_empty_thing_as_one_counts_for_none(builder: Builder, context: Path, *, null: bool) -> None:
    if null:
        os.mknod(context / ".dockerignore", 0o020666, os.stat(os.devnull).st_rdev)
    else:
        (context / ".dockerignore").mkdir()

    assert set(builder.files(BuildRequest(context=str(context)))) == {"sub/key", "sub/other"}
