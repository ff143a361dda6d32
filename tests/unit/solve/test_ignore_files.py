"""Ignore files that a daemon couldn't read are refused before it is asked; those that it can are not."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from router.errors import UsageError
from router.model.request import BuildRequest
from router.solve.located import checked
from tests.unit.unprivileged import folder_for_anybody, unprivileged


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context with a Dockerfile, a further directory, and an ignore file outside of it."""
    folder = tmp_path / "context"
    (folder / "sub").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY sub /sub\n")
    (folder / "sub/ignored").write_text("**/key\n")
    (tmp_path / "outside").write_text("**/key\n")
    return folder


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


NAMES = [".dockerignore", "Dockerfile.dockerignore"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_pipe, "is neither a file nor a link to one"),
        (_socket, "is neither a file nor a link to one"),
        (_link("sub/pipe"), "is neither a file nor a link to one"),
        (_link("../outside"), "is a link to .*/outside, where the daemon can't follow it"),
    ],
)
def test_what_would_hold_the_daemon_up_or_not_count_is_refused(
    context: Path, name: str, make: Callable[[Path], None], said: str
) -> None:
    _pipe(context / "sub/pipe")
    make(context / name)

    with pytest.raises(UsageError, match=f"{context}/{name} {said}") as caught:
        checked(BuildRequest(context=str(context)))

    assert caught.value.reason == "context"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("**/key\n"),
        _link("sub/ignored"),
        _link("/sub/ignored"),
        _link("nowhere"),
        _link(os.devnull),
        Path.mkdir,
    ],
    ids=["file", "link", "absolute-within", "dangling", "null", "directory"],
)
def test_what_the_daemon_reads_or_takes_for_none_is_not(
    context: Path, name: str, make: Callable[[Path], None]
) -> None:
    make(context / name)

    checked(BuildRequest(context=str(context)))


def test_a_dockerfiles_own_ignore_file_is_the_only_one_that_is_read(context: Path) -> None:
    (context / "Dockerfile.dockerignore").write_text("**/key\n")
    _pipe(context / ".dockerignore")

    checked(BuildRequest(context=str(context)))


def test_that_of_a_dockerfile_on_stdin_is_the_contexts(context: Path) -> None:
    _pipe(context / ".dockerignore")

    with pytest.raises(UsageError, match=r"/\.dockerignore is neither"):
        checked(BuildRequest(context=str(context), dockerfile_text=b"FROM scratch\n"))


def test_those_of_further_contexts_are_looked_at_too(context: Path) -> None:
    _pipe(context / "sub/.dockerignore")

    with pytest.raises(UsageError, match=r"sub/\.dockerignore is neither"):
        checked(BuildRequest(context=str(context), build_contexts={"other": str(context / "sub")}))


def test_that_of_a_dockerfile_that_is_a_link_out_of_its_folder_may_be_one_too(
    context: Path, tmp_path: Path
) -> None:
    (context / "linked").symlink_to(context.parent / "elsewhere")
    (tmp_path / "elsewhere").write_text("FROM scratch\n")
    own = context / "linked.dockerignore"
    own.symlink_to(tmp_path / "outside")
    request = BuildRequest(context=str(context), dockerfile=str(context / "linked"))

    checked(request)

    own.unlink()
    _pipe(own)
    with pytest.raises(UsageError, match=r"linked\.dockerignore is neither"):
        checked(request)


@pytest.mark.parametrize(
    ("pipe", "options"),
    [
        (".dockerignore", {}),
        ("Dockerfile.dockerignore", {}),
        ("pipe", {"filename": "pipe"}),
        ("sub/.dockerignore", {"context:x": "local:more"}),
    ],
)
def test_buildctls_form_of_a_build_is_checked_for_the_frontends_that_read_them(
    context: Path, pipe: str, options: Mapping[str, str]
) -> None:
    _pipe(context / pipe)
    directories = {"context": str(context), "dockerfile": str(context), "more": str(context / "sub")}
    request = BuildRequest(
        generic=True, frontend="dockerfile.v0", local_dirs=directories, frontend_options=options
    )

    with pytest.raises(UsageError, match=f"{pipe} is neither a file"):
        checked(request)
    checked(BuildRequest(generic=True, frontend="", definition=b"x", local_dirs=directories))


@pytest.mark.parametrize("name", NAMES)
def test_one_that_cant_be_read_is_named(name: str) -> None:
    with folder_for_anybody() as folder:
        (folder / "Dockerfile").write_text("FROM scratch\n")
        (folder / name).write_text("**/key\n")
        (folder / name).chmod(0)

        def check() -> str:
            with pytest.raises(UsageError) as caught:
                checked(BuildRequest(context=str(folder)))
            return str(caught.value)

        assert unprivileged(check) == f"can't read {folder}/{name}: permission denied"
