"""The repository of a directory, read from what git itself wrote."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from router.providers.git_remote import GitLocation, find_git_location

URL = "git@github.com:team/app.git"


def git(folder: Path, *args: str) -> None:
    settings = ("-c", "user.name=me", "-c", "user.email=me@example", "-c", "protocol.file.allow=always")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", *settings, *args], cwd=folder, check=True, capture_output=True, env=environment, timeout=60
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit and the remote `origin`."""
    folder = tmp_path / "app"
    (folder / "services" / "web").mkdir(parents=True)
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", URL)
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def test_the_top_of_a_repository_has_an_empty_path(repository: Path) -> None:
    assert find_git_location(str(repository)) == GitLocation(remote=URL, path="")


def test_a_directory_is_named_by_its_path_in_the_repository(repository: Path) -> None:
    assert find_git_location(str(repository / "services/web")) == GitLocation(remote=URL, path="services/web")


def test_a_relative_directory_is_found(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "services")

    assert find_git_location("web") == GitLocation(remote=URL, path="services/web")


def test_a_worktree_is_the_same_place_as_its_repository(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "other"))
    (tmp_path / "other" / "services").mkdir()

    assert find_git_location(str(tmp_path / "other" / "services")) == GitLocation(remote=URL, path="services")


def test_a_submodule_is_a_repository_of_its_own(repository: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    git(library, "commit", "-q", "--allow-empty", "-m", "first")
    git(repository, "submodule", "add", "-q", str(library), "vendor/library")

    assert find_git_location(str(repository / "vendor/library")) == GitLocation(remote=str(library), path="")


def test_origin_is_preferred(repository: Path) -> None:
    git(repository, "remote", "add", "fork", "https://github.com/me/app")

    location = find_git_location(str(repository))

    assert location is not None
    assert location.remote == URL


def test_without_origin_the_first_remote_by_name_counts(repository: Path) -> None:
    git(repository, "remote", "remove", "origin")
    git(repository, "remote", "add", "upstream", "https://b.example/app")
    git(repository, "remote", "add", "fork", "https://a.example/app")

    location = find_git_location(str(repository))

    assert location is not None
    assert location.remote == "https://a.example/app"


def test_the_first_of_several_urls_counts(repository: Path) -> None:
    git(repository, "remote", "set-url", "--add", "origin", "https://mirror.example/app")

    location = find_git_location(str(repository))

    assert location is not None
    assert location.remote == URL


@pytest.mark.parametrize("userinfo", ["me:hidden@", "hidden@"])
def test_credentials_in_the_url_are_left_out(repository: Path, userinfo: str) -> None:
    git(repository, "remote", "set-url", "origin", f"https://{userinfo}git.example/app.git")

    location = find_git_location(str(repository))

    assert location is not None
    assert location.remote == "https://git.example/app.git"


@pytest.mark.parametrize("url", ['/with "quotes"/app', "/with\\backslash", "/with;semicolon#hash"])
def test_odd_urls_are_read_as_git_wrote_them(repository: Path, url: str) -> None:
    git(repository, "remote", "set-url", "origin", url)

    location = find_git_location(str(repository))

    assert location is not None
    assert location.remote == url


def test_an_odd_remote_name_is_no_problem(repository: Path) -> None:
    git(repository, "remote", "rename", "origin", "team/our.remote")

    location = find_git_location(str(repository))

    assert location is not None
    assert location.remote == URL


def test_a_repository_without_a_remote_has_no_location(repository: Path) -> None:
    git(repository, "remote", "remove", "origin")

    assert find_git_location(str(repository)) is None


def test_a_directory_outside_of_any_repository_has_no_location(tmp_path: Path) -> None:
    assert find_git_location(str(tmp_path)) is None


def test_a_git_file_that_points_nowhere_has_no_location(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: ../gone\n")

    assert find_git_location(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("name", "content"), [(".git", "gitdir: x\0y\n"), (".git", "gitdir: \n"), (".git/commondir", "x\0y\n")]
)
def test_a_pointer_that_names_no_path_leads_nowhere(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)

    assert find_git_location(str(tmp_path)) is None


def test_a_named_pipe_in_the_place_of_the_settings_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git" / "config")

    assert find_git_location(str(tmp_path)) is None


def test_settings_with_the_line_ends_of_windows_are_read(repository: Path) -> None:
    config = repository / ".git" / "config"
    config.write_bytes(config.read_bytes().replace(b"\n", b"\r\n"))

    assert find_git_location(str(repository)) == GitLocation(remote=URL, path="")
