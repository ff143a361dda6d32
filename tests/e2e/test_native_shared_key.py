"""What the daemon keeps of a context between builds: nothing that it has is sent again."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildRequest
from tests.e2e.builder import Builder, write_tree

SIZE = 400_000
LITTLE = 40_000


def checkout(folder: Path, *, remote: str = "git@example.test:team/app.git") -> Path:
    """Write a repository with two services, as far as a build sees it; return it."""
    files: dict[str, str | bytes] = {".git/config": f'[remote "origin"]\n\turl = {remote}\n'}
    for service in ("api", "web"):
        files[f"{service}/Dockerfile"] = "FROM scratch\nCOPY . /\n"
        files |= {f"{service}/file-{number}": os.urandom(SIZE // 100) for number in range(100)}
    return write_tree(folder, files)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return checkout(tmp_path / "clone")


@pytest.fixture
def builder(builder: Builder, tmp_path: Path) -> Builder:
    """A builder whose key no other test has."""
    builder.config = replace(builder.config, key=str(tmp_path))
    return builder


def sent(builder: Builder, context: Path) -> int:
    """Build, and return how many bytes of the context the daemon says that it received."""
    builder.events.clear()
    builder.build(BuildRequest(context=str(context)))
    transfers = [
        update.current
        for status in builder.statuses
        for update in status.statuses
        if update.id.startswith("transferring context")
    ]
    return transfers[-1]


def test_an_unchanged_context_is_not_sent_again(builder: Builder, repository: Path) -> None:
    assert sent(builder, repository / "api") > SIZE
    assert sent(builder, repository / "api") < LITTLE


def test_of_a_changed_context_only_the_change_is_sent(builder: Builder, repository: Path) -> None:
    sent(builder, repository / "api")
    write_tree(repository, {"api/file-7": os.urandom(50_000)})

    assert 50_000 < sent(builder, repository / "api") < 50_000 + LITTLE


def test_two_contexts_under_one_key_do_not_displace_each_other(builder: Builder, repository: Path) -> None:
    first = [sent(builder, repository / service) for service in ("api", "web")]
    again = [sent(builder, repository / service) for service in ("api", "web", "api")]

    assert min(first) > SIZE
    assert max(again) < LITTLE


def other_machine(repository: Path, tmp_path: Path, builder: Builder) -> Path:
    """Clone the repository, with the files' times, to a machine that never built anything; return it."""
    clone = tmp_path / "runner-2" / "checkout"
    shutil.copytree(repository, clone)
    home = tmp_path / "runner-2" / "home"
    home.mkdir()
    builder.environment |= {"HOME": str(home), "HOSTNAME": "runner-2", "USER": "other"}
    return clone


def test_another_machine_sends_almost_nothing(builder: Builder, repository: Path, tmp_path: Path) -> None:
    sent(builder, repository / "api")
    clone = other_machine(repository, tmp_path, builder)

    assert sent(builder, clone / "api") < LITTLE


def test_another_machine_sends_what_changed_there(builder: Builder, repository: Path, tmp_path: Path) -> None:
    sent(builder, repository / "api")
    clone = other_machine(repository, tmp_path, builder)
    nothing_changed = sent(builder, clone / "api")
    write_tree(clone, {"api/file-7": os.urandom(50_000)})

    one_changed = sent(builder, clone / "api")

    # The rest of the tree is described, and one file's content sent in packets of its own.
    assert 50_000 <= one_changed - nothing_changed < 50_100


def test_files_that_are_only_newer_are_sent_again(builder: Builder, repository: Path, tmp_path: Path) -> None:
    """git gives files the time of the checkout; who wants to send nothing restores the commit's times."""
    sent(builder, repository / "api")
    clone = other_machine(repository, tmp_path, builder)
    for path in (clone / "api").iterdir():
        path.touch()

    assert sent(builder, clone / "api") > SIZE


def test_a_machine_with_another_user_sends_almost_nothing(
    builder: Builder, repository: Path, tmp_path: Path
) -> None:
    sent(builder, repository / "api")
    clone = other_machine(repository, tmp_path, builder)
    for path in clone.rglob("*"):
        os.chown(path, 12345, 12345)

    assert sent(builder, clone / "api") < LITTLE


def test_another_key_starts_from_nothing(builder: Builder, repository: Path) -> None:
    sent(builder, repository / "api")
    builder.config = replace(builder.config, key=f"{repository} again")

    assert sent(builder, repository / "api") > SIZE
