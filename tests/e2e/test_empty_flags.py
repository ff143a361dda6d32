"""Each flag given empty, as scripts do with an unset variable: taken or refused as the real tools do it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.command_line import HELP_NAMES
from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.processes import Installed
from tests.e2e.test_flags_table import flags_of, table
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd

BUILDX, BUILDCTL = "docker buildx build", "buildctl build"
# Not the build's own flag there; without a value it is how buildctl wants LLB.
NOT_COMPARED = {"--builder", "--debug", "--frontend", "--addr", "--timeout", "--wait"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("context")
    return write_tree(root, {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})


@pytest.fixture(scope="module")
def home(buildkitd: Buildkitd, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of a buildx that has one builder, the daemon."""
    environment = {
        "PATH": SEARCH_PATH,
        "HOME": str(tmp_path_factory.mktemp("home")),
        "BUILDX_EXPERIMENTAL": "1",
        "BUILDX_BUILDER": "remote",
    }
    create: list[str | Path] = [
        binaries.buildx(),
        "create",
        "--driver=remote",
        "--name=remote",
        buildkitd.address,
    ]
    subprocess.run(create, env=environment, check=True, capture_output=True, timeout=60)
    return environment


def takes(argv: list[str | Path], environment: Mapping[str, str], folder: Path) -> bool:
    """Run a tool; say whether it built."""
    done = subprocess.run(
        argv,
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode == 0


def we_take(flag: str, buildkitd: Buildkitd, folder: Path) -> bool:
    """Run our build; say whether it built, and see that it says what is wrong where it didn't."""
    done = Installed().run("build", "--addr", buildkitd.address, f"{flag}=", ".", cwd=folder)
    assert done.code in {0, 2}, done.stderr
    if done.code:
        assert f"invalid {flag}" in done.stderr
    return done.code == 0


def shared(tool: str) -> dict[str, str]:
    """Return a tool's flags, with what they are called here."""
    rows = table(tool)
    ours = {flag: flag if here == "=" else here for flag, (here, _) in rows.items() if here != "none"}
    return {flag: name for flag, name in ours.items() if flag not in NOT_COMPARED | {*HELP_NAMES}}


def test_what_buildx_takes_or_refuses_empty_we_do_too(
    buildkitd: Buildkitd, home: Mapping[str, str], folder: Path
) -> None:
    buildx = binaries.buildx()
    flags = shared(BUILDX)
    theirs = {flag: takes([buildx, "build", f"{flag}=", "."], home, folder) for flag in flags}
    assert set(theirs.values()) == {True, False}

    assert {flag: we_take(name, buildkitd, folder) for flag, name in flags.items()} == theirs


def test_what_only_buildctl_has_is_taken_or_refused_empty_as_by_buildctl(
    buildkitd: Buildkitd, folder: Path
) -> None:
    build = ("build", "--frontend=dockerfile.v0", "--local=context=.", "--local=dockerfile=.")
    argv: list[str | Path] = [binaries.buildctl(), "--addr", buildkitd.address, *build]
    # To ours an empty truth value is wrong, as to buildx; buildctl takes it for false.
    only = set(shared(BUILDCTL)) - flags_of(BUILDX) - set(shared(BUILDX).values()) - {"--proxy-network"}
    flags = {flag: name for flag, name in shared(BUILDCTL).items() if flag in only}
    flags = {flag: name for flag, name in flags.items() if name not in set(shared(BUILDX).values())}
    theirs = {flag: takes([*argv, f"{flag}="], {"PATH": SEARCH_PATH}, folder) for flag in flags}
    assert set(theirs.values()) == {True, False}

    assert {flag: we_take(name, buildkitd, folder) for flag, name in flags.items()} == theirs
