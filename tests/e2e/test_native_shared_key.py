"""What the daemon keeps of a context between builds: not sent again, never taken for another one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildRequest
from router.model.request import Output
from tests.e2e.builder import Builder, tar_files, write_tree

SIZE = 400_000
LITTLE = 40_000
EPOCH = 1_700_000_000


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


def built(builder: Builder, context: Path) -> dict[str, bytes]:
    """Build, and return the files of the result."""
    return builder.files(BuildRequest(context=str(context)))


def normalise(folder: Path) -> None:
    """Give everything the same time, as who builds reproducibly does."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


def small_tree(folder: Path, content: str) -> Path:
    """Write a context whose file has a content that is told, and a time that isn't the writer's."""
    write_tree(folder, {"Dockerfile": "FROM scratch\nCOPY . /\n", "sub/file": content})
    normalise(folder)
    return folder


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


def test_another_key_starts_from_nothing(builder: Builder, repository: Path) -> None:
    sent(builder, repository / "api")
    builder.config = replace(builder.config, key=f"{repository} again")

    assert sent(builder, repository / "api") > SIZE


def test_a_clone_with_the_same_times_and_sizes_is_not_the_other_one(builder: Builder, tmp_path: Path) -> None:
    clones = [small_tree(tmp_path / name / "checkout", name) for name in ("one", "two")]

    assert [built(builder, clone)["sub/file"] for clone in (*clones, *clones)] == [b"one", b"two"] * 2


def test_a_machine_that_knows_nothing_gets_no_other_machines_files(builder: Builder, tmp_path: Path) -> None:
    clone = small_tree(tmp_path / "checkout", "one")
    built(builder, clone)
    builder.environment["XDG_STATE_HOME"] = str(tmp_path / "other machine")
    shutil.rmtree(clone)
    small_tree(tmp_path / "checkout", "two")

    assert built(builder, clone)["sub/file"] == b"two"


def test_a_state_directory_that_cannot_be_written_costs_time_only(
    builder: Builder, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    builder.environment["XDG_STATE_HOME"] = str(tmp_path / "file")

    assert [sent(builder, repository / "api") > SIZE for _ in range(2)] == [True, True]


def _edit(tree: Path) -> None:
    (tree / "sub/file").write_text("two")


def _replace(tree: Path) -> None:
    (tree / "new").write_text("two")
    (tree / "new").rename(tree / "sub/file")


def _make_anew(tree: Path) -> None:
    shutil.rmtree(tree)
    small_tree(tree, "two")


@pytest.mark.parametrize("change", [_edit, _replace, _make_anew])
def test_an_edit_under_a_time_that_was_put_back_is_seen(
    change: Callable[[Path], None], builder: Builder, tmp_path: Path
) -> None:
    tree = small_tree(tmp_path / "checkout", "one")
    built(builder, tree)
    change(tree)
    normalise(tree)

    assert built(builder, tree)["sub/file"] == b"two"
    assert built(builder, tree)["sub/file"] == b"two"


def test_all_names_of_a_file_that_was_put_back_are_seen(builder: Builder, tmp_path: Path) -> None:
    tree = small_tree(tmp_path / "checkout", "one")
    for name in ("a", "z"):
        (tree / name).hardlink_to(tree / "sub/file")
    built(builder, tree)
    _edit(tree)
    normalise(tree)

    out = tmp_path / "out"
    builder.build(BuildRequest(context=str(tree), outputs=(Output(type="local", dest=str(out)),)))

    assert {(out / name).read_text() for name in ("a", "sub/file", "z")} == {"two"}


def test_a_file_that_is_sent_for_safety_changes_neither_image_nor_cache(
    builder: Builder, tmp_path: Path
) -> None:
    tree = small_tree(tmp_path / "checkout", "one")
    (tree / "sub/file").chmod(0o640)
    before = whole(builder, tree)
    _edit(tree)
    (tree / "sub/file").write_text("one")
    normalise(tree)
    builder.events.clear()

    assert whole(builder, tree) == before
    assert next(step for name, step in builder.vertexes.items() if "COPY" in name).cached


def whole(builder: Builder, tree: Path) -> bytes:
    """Return the result as a tar: names, modes, times and contents."""
    result = builder.scratch / "whole.tar"
    builder.build(BuildRequest(context=str(tree), outputs=(Output(type="tar", dest=str(result)),)))
    assert tar_files(result.read_bytes())
    return result.read_bytes()


def test_named_contexts_that_are_swapped_are_not_mixed_up(builder: Builder, tmp_path: Path) -> None:
    tree = write_tree(
        tmp_path / "main", {"Dockerfile": "FROM scratch\nCOPY --from=a . /a\nCOPY --from=b . /b\n"}
    )
    one, two = (str(small_tree(tmp_path / name / "dependency", name)) for name in ("one", "two"))

    for first, second in ((one, two), (two, one), (one, one)):
        files = builder.files(BuildRequest(context=str(tree), build_contexts={"a": first, "b": second}))
        expected = {"a": first, "b": second}
        assert {name: files[f"{name}/sub/file"].decode() for name in expected} == {
            name: Path(path).parent.name for name, path in expected.items()
        }


def test_a_dockerfile_that_is_handed_over_is_never_an_older_one(builder: Builder, tmp_path: Path) -> None:
    tree = small_tree(tmp_path / "checkout", "one")

    for name in ("a", "b", "a"):
        text = f"FROM scratch\nCOPY sub/file /{name}\n".encode()
        assert set(builder.files(BuildRequest(context=str(tree), dockerfile_text=text))) == {name}
