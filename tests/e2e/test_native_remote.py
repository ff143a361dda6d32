"""Contexts that the daemon fetches: archives and Dockerfiles over HTTP, git repositories."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from router import BuildError, BuildRequest, UsageError
from tests.e2e.builder import Builder, served, tar_of, write_tree
from tests.servers.ports import free_port, tcp_listens
from tests.servers.process import ManagedProcess


@pytest.fixture(scope="module")
def www(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server with an archive and a lone Dockerfile."""
    folder = tmp_path_factory.mktemp("www")
    archive = {
        "Dockerfile": "FROM scratch\nCOPY word /from-archive\n",
        "sub/Other": "FROM scratch\nCOPY word /from-other\n",
        "word": "remote\n",
    }
    write_tree(folder, {"context.tar": tar_of(archive), "Lone": 'FROM scratch\nLABEL lone="yes"\n'})
    with served(folder) as url:
        yield url


def test_an_archive_is_fetched_by_the_daemon(builder: Builder, www: str) -> None:
    assert builder.files(BuildRequest(context=f"{www}/context.tar")) == {"from-archive": b"remote\n"}


def test_the_dockerfile_is_named_by_its_path_within_the_archive(builder: Builder, www: str) -> None:
    request = BuildRequest(context=f"{www}/context.tar", dockerfile="sub/Other")

    assert builder.files(request) == {"from-other": b"remote\n"}


def test_a_remote_context_takes_a_dockerfile_from_here(builder: Builder, www: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"Here": "FROM scratch\nCOPY word /from-here\n"})

    files = builder.files(BuildRequest(context=f"{www}/context.tar", dockerfile=str(tmp_path / "Here")))

    assert files == {"from-here": b"remote\n"}


def test_a_remote_context_takes_a_dockerfile_as_text(builder: Builder, www: str) -> None:
    request = BuildRequest(
        context=f"{www}/context.tar", dockerfile_text=b"FROM scratch\nCOPY word /from-text\n"
    )

    assert builder.files(request) == {"from-text": b"remote\n"}


def test_a_lone_dockerfile_is_a_context_too(builder: Builder, www: str) -> None:
    image = builder.image(BuildRequest(context=f"{www}/Lone"))

    assert image.config()["config"]["Labels"] == {"lone": "yes"}


def test_a_url_that_has_nothing_fails_the_build(builder: Builder, www: str) -> None:
    with pytest.raises(BuildError, match="404"):
        builder.build(BuildRequest(context=f"{www}/nothing.tar"))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A git server's URL of a repository with two branches and a directory."""
    folder = tmp_path_factory.mktemp("git")
    work = folder / "app.git"
    git(folder, "init", "--quiet", "--initial-branch=main", str(work))
    for branch in ("main", "feature"):
        write_tree(
            work,
            {
                "Dockerfile": f"FROM scratch\nCOPY word /{branch}\n",
                "services/api/Dockerfile": "FROM scratch\nCOPY api /\n",
                "services/api/api": f"api of {branch}\n",
                "word": f"{branch}\n",
            },
        )
        if branch != "main":
            git(work, "checkout", "--quiet", "-b", branch)
        git(work, "add", ".")
        git(work, "commit", "--quiet", "--message", branch)
    git(work, "checkout", "--quiet", "main")
    port = free_port()
    serve = ("daemon", "--export-all", "--listen=127.0.0.1", f"--port={port}", "--reuseaddr")
    with ManagedProcess(
        ["git", *serve, f"--base-path={folder}", str(folder)], log=folder / "daemon.log"
    ) as daemon:
        daemon.wait_until(lambda: tcp_listens(port), within=20)
        yield f"git://127.0.0.1:{port}/app.git"


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=tests", "-c", "user.email=tests@example.test")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, timeout=30)


@pytest.mark.parametrize(
    ("fragment", "files"),
    [
        ("", {"main": b"main\n"}),
        ("#feature", {"feature": b"feature\n"}),
        ("#:services/api", {"api": b"api of main\n"}),
        ("#feature:services/api", {"api": b"api of feature\n"}),
        ("?branch=feature&subdir=services/api", {"api": b"api of feature\n"}),
    ],
)
def test_a_repository_is_cloned_at_its_ref_and_subdirectory(
    builder: Builder, repository: str, fragment: str, files: dict[str, bytes]
) -> None:
    assert builder.files(BuildRequest(context=repository + fragment)) == files


def test_a_dockerfile_that_is_not_there_is_the_users_mistake(builder: Builder, www: str) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        builder.build(BuildRequest(context=f"{www}/context.tar", dockerfile="/nonexistent/Dockerfile"))
