"""Definitions in a git repository: the daemon hands them back, and builds from where they are."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.processes import Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.ports import free_port, tcp_listens
from tests.servers.process import ManagedProcess

_DEFINITION = """
target "default" {
  context = "services/api"
  contexts = { lib = "lib" }
  output = ["out"]
}
target "here" {
  context = BAKE_CMD_CONTEXT
  dockerfile = "cwd://Local"
  output = ["out-here"]
}
"""
_TREE = {
    "docker-bake.hcl": _DEFINITION,
    "docker-bake.override.json": '{"target": {"default": {"args": {"WORD": "over"}}}}',
    # An ignore file of the repository's does not hide its definition.
    ".dockerignore": "*\n",
    "services/api/Dockerfile": "FROM scratch\nARG WORD\nLABEL w=$WORD\nCOPY api /\nCOPY --from=lib lib /\n",
    "services/api/api": "api\n",
    "lib/lib": "lib\n",
    "deep/other.hcl": 'target "default" { dockerfile-inline = "FROM scratch" }\n',
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a repository with a definition."""
    folder = tmp_path_factory.mktemp("git")
    work = write_tree(folder / "mono.git", _TREE)
    identity = ("-c", "user.name=tests", "-c", "user.email=tests@example.test")
    for words in (("init", "--quiet", "-b", "main"), ("add", "--all"), ("commit", "--quiet", "-m", "all")):
        subprocess.run(["git", *identity, *words], cwd=work, check=True, timeout=30)
    port = free_port()
    serve = ("daemon", "--export-all", "--listen=127.0.0.1", f"--port={port}", "--reuseaddr")
    with ManagedProcess(
        ["git", *serve, f"--base-path={folder}", str(folder)], log=folder / "daemon.log"
    ) as daemon:
        daemon.wait_until(lambda: tcp_listens(port), within=20)
        yield f"git://127.0.0.1:{port}/mono.git"


@pytest.fixture
def warmroute(buildkitd: Buildkitd) -> Installed:
    return Installed(environment={"WARMROUTE_ADDR": f"one={buildkitd.address}"})


def test_a_definition_of_a_repository_is_built_from_it(
    warmroute: Installed, repository: str, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"Local": "FROM scratch\nCOPY word /\n", "word": "local\n"})

    warmroute.ok("bake", "--progress", "plain", repository, "default", "here", cwd=tmp_path)

    assert (tmp_path / "out" / "api").read_text() == "api\n"
    assert (tmp_path / "out" / "lib").read_text() == "lib\n"
    assert (tmp_path / "out-here" / "word").read_text() == "local\n"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("here",),
        ("--file", "deep/other.hcl"),
        ("--file", "docker-bake.hcl", "--file", "cwd://own.hcl"),
        ("https://example.com/place.git", "here"),
    ],
)
def test_it_is_printed_as_buildx_prints_it(
    words: tuple[str, ...],
    warmroute: Installed,
    buildkitd: Buildkitd,
    repository: str,
    tmp_path: Path,
) -> None:
    write_tree(tmp_path, {"own.hcl": 'target "default" { target = "mine" }\n', "Local": "FROM scratch\n"})
    environment = {"PATH": SEARCH_PATH, "HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path / "docker")}
    url = f"{repository}#main"

    def buildx(*args: str) -> str:
        done = subprocess.run(
            [binaries.buildx(), *args],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    buildx("create", "--use", "--name", "one", "--driver", "remote", buildkitd.address)

    assert warmroute.ok("bake", "--print", url, *words, cwd=tmp_path).stdout == buildx(
        "bake", "--print", url, *words
    )


def test_a_repository_without_a_definition_and_a_url_that_is_none_are_told(
    warmroute: Installed, repository: str, tmp_path: Path
) -> None:
    empty = warmroute.run("bake", f"{repository}#main:lib", cwd=tmp_path)
    archive = warmroute.run("bake", "https://example.com/archive.tar", cwd=tmp_path)

    assert (empty.code, archive.code) == (2, 2)
    assert f"there is no definition in {repository}#main:lib" in empty.stderr
    assert "https://example.com/archive.tar is not the URL of a git repository" in archive.stderr
