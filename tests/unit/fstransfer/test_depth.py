"""Trees that are deeper than a process may have files open, and a limit that is met all the same."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from router.errors import OutputError, UsageError
from router.fstransfer.access import remove_tree
from router.fstransfer.beneath import Root
from router.fstransfer.receiver import Receiver
from router.fstransfer.selection import select
from router.fstransfer.sender import Filter, Sender
from router.fstransfer.walk import walk_selected
from tests.unit.few_files import few_files
from tests.unit.fstransfer.peer import deliver, directory, fetch, file

DEEP = 300
# Every directory has a file that comes before the next one, and one that comes after it.
BEFORE, BELOW, AFTER = "a", "d", "z"


def make_deep(top: Path, levels: int, *, with_files: bool = True) -> list[str]:
    """Make directories in each other; return their paths below ``top``."""
    around = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(BELOW, dir_fd=around)
        inner = os.open(BELOW, os.O_RDONLY, dir_fd=around)
        os.close(around)
        around = inner
        for name in (BEFORE, AFTER) if with_files else ():
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=around))
    os.close(around)
    return ["/".join([BELOW] * level) for level in range(1, levels + 1)]


@pytest.mark.parametrize(
    ("chosen", "left_out"),
    [
        (Filter(), r"$."),
        (Filter(exclude=("**/a",)), r".*/a"),
        (Filter(include=("**/z",)), r".*/a"),
        (Filter(include=("d/d",)), r"d/[az]"),
        (Filter(exclude=("d/d/d/d/*", "!d/d/d/d/d")), r"(d/){4}[az]"),
    ],
)
def test_a_context_may_be_deeper_than_files_may_be_open(
    tmp_path: Path, chosen: Filter, left_out: str
) -> None:
    directories = make_deep(tmp_path, DEEP)
    with few_files(40):
        fetched = fetch(Sender(os.fsencode(tmp_path), filter=chosen))
    files = [f"{path}/{name}" for path in directories for name in (BEFORE, AFTER)]
    wanted = {os.fsencode(path) for path in files if not re.fullmatch(left_out, path)}
    assert set(fetched.contents) == wanted
    assert set(fetched.paths) == wanted | {os.fsencode(path) for path in directories}


def test_the_directories_around_a_deep_file_are_given_with_the_ones_they_are_in(tmp_path: Path) -> None:
    *_, innermost = directories = make_deep(tmp_path, DEEP, with_files=False)
    (tmp_path / innermost / "x").touch()
    root = Root(os.fsencode(tmp_path))
    scope = select(root, Filter(exclude=("*", "!**/x")))
    assert scope is not None
    found = []
    with few_files(40):
        for path, around, name, status in walk_selected(root, scope):
            assert os.path.samestat(os.stat(name, dir_fd=around), status)
            found.append(os.fsdecode(path))
    root.close()
    assert found == [*directories, f"{innermost}/x"]


def sender_half_way(context: Path) -> Sender:
    """Return a sender that is deep in a context by now, and has something left to send above."""
    make_deep(context, DEEP)
    sender = Sender(os.fsencode(context))
    for _ in range(DEEP):
        assert sender.pull(1)
    return sender


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_on_the_way_back_nothing_else_is_taken_for_a_directory(tmp_path: Path, kind: str) -> None:
    context, inner = tmp_path / "context", "d/d/d"
    context.mkdir()
    sender = sender_half_way(context)
    (context / inner).rename(tmp_path / "moved")
    if kind == "link":
        (context / inner).symlink_to(tmp_path / "moved")
    else:
        make_deep(context / "d/d", DEEP - 2)
    with pytest.raises(UsageError, match=f'/{inner}": it was replaced while it was being sent') as caught:
        fetch(sender)
    assert caught.value.hint is not None
    assert ".dockerignore" in caught.value.hint


def test_a_directory_that_is_gone_on_the_way_back_is_named(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    sender = sender_half_way(context)
    (context / "d/d").rename(tmp_path / "moved")
    with pytest.raises(UsageError, match='/context/d/d": no such file or directory'):
        fetch(sender)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_result_may_be_deeper_than_files_may_be_open(tmp_path: Path, mirror: bool) -> None:
    paths = [os.fsencode("/".join([BELOW] * level)) for level in range(1, DEEP + 1)]
    items = [*map(directory, paths), *(file(path + b"/z", b"content") for path in reversed(paths))]
    with few_files(40):
        deliver(Receiver(str(tmp_path), mirror=mirror), items)
    assert (tmp_path / os.fsdecode(paths[-1]) / "z").read_bytes() == b"content"


def test_a_mirror_loses_a_tree_of_any_depth(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    make_deep(tmp_path / "old", 2_000)
    with few_files(40):
        deliver(Receiver(str(tmp_path), mirror=True), [file(b"only", b"x")])
    assert os.listdir(tmp_path) == ["only"]


def test_what_takes_a_directorys_place_in_a_tree_that_goes_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    (tmp_path / "tree/link").symlink_to("../kept")
    around = os.open(tmp_path, os.O_RDONLY)
    remove_tree(b"tree", around)
    os.close(around)
    assert os.listdir(tmp_path) == ["kept"]
    assert os.listdir(tmp_path / "kept") == ["file"]


def test_no_further_file_to_open_is_no_fault_of_the_contexts(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    sender = Sender(os.fsencode(tmp_path))
    with few_files(0), pytest.raises(UsageError, match="too many open files") as caught:
        sender.pull(1 << 20)
    assert caught.value.hint == "raise the limit of open files: ulimit -n 4096"


def test_no_further_file_to_open_is_no_fault_of_the_results(tmp_path: Path) -> None:
    receiver = Receiver(str(tmp_path))
    with few_files(0), pytest.raises(OutputError, match="too many open files") as caught:
        deliver(receiver, [file(b"only", b"x")])
    assert caught.value.hint == "raise the limit of open files: ulimit -n 4096"
