"""A Dockerfile that can be read once is read once, and is then as if it had come on stdin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.errors import UsageError
from router.flags.context import MAX_DOCKERFILE
from router.model.request import BuildRequest
from router.once import OneTimeFiles
from router.solve.dockerfile import existing_file, files_of_link, piped_dockerfile, with_piped_dockerfile
from tests.unit.few_files import few_files


@pytest.fixture
def piped() -> Iterator[str]:
    reader, writer = os.pipe()
    os.write(writer, b"FROM scratch\n")
    os.close(writer)
    yield f"/dev/fd/{reader}"
    os.close(reader)


def test_a_piped_dockerfile_becomes_text(piped: str) -> None:
    request = with_piped_dockerfile(BuildRequest(dockerfile=piped), OneTimeFiles())

    assert (request.dockerfile, request.dockerfile_text) == (None, b"FROM scratch\n")


def test_a_named_dockerfile_stays_where_it_is(tmp_path: Path) -> None:
    path = os.path.join(tmp_path, "Dockerfile")
    with open(path, "wb"):
        pass
    for request in (
        BuildRequest(dockerfile=path),
        BuildRequest(dockerfile="https://example.com/Dockerfile"),
        BuildRequest(dockerfile=str(tmp_path)),
        BuildRequest(dockerfile="/dev/null", dockerfile_text=b""),
        BuildRequest(),
    ):
        assert not piped_dockerfile(request)
        assert with_piped_dockerfile(request, OneTimeFiles()) is request


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.touch()
    os.truncate(path, MAX_DOCKERFILE)
    existing_file(str(path))
    os.truncate(path, MAX_DOCKERFILE + 1)

    with pytest.raises(UsageError, match="is too large for a Dockerfile"):
        existing_file(str(path))


def test_a_working_directory_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with pytest.raises(UsageError, match="the working directory has been removed"):
        existing_file("Dockerfile")


def test_a_dockerfile_without_end_is_refused() -> None:
    with pytest.raises(UsageError, match=r"/dev/zero is too large for a Dockerfile \(more than 16 MiB\)"):
        with_piped_dockerfile(BuildRequest(dockerfile="/dev/zero"), OneTimeFiles())


def test_no_further_file_to_open_is_no_fault_of_the_dockerfiles(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    with few_files(0), pytest.raises(UsageError, match="too many open files") as caught:
        existing_file(str(tmp_path / "Dockerfile"))
    assert caught.value.hint == "raise the limit of open files: ulimit -n 4096"


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """A link out of its folder, to nothing yet."""
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").symlink_to("../elsewhere")
    return tmp_path / "context/Dockerfile"


def test_a_link_that_came_to_lead_to_a_pipe_does_not_hang(link: Path) -> None:
    os.mkfifo(link.parent.parent / "elsewhere")
    with pytest.raises(UsageError, match=f"the Dockerfile {link} is not a file"):
        files_of_link(str(link.parent), link.name)


def test_a_link_that_came_to_lead_to_what_is_too_large_is_refused(link: Path) -> None:
    (link.parent.parent / "elsewhere").touch()
    os.truncate(link, MAX_DOCKERFILE + 1)
    with pytest.raises(UsageError, match=f"{link} is too large for a Dockerfile"):
        files_of_link(str(link.parent), link.name)
