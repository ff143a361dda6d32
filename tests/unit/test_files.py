"""Files appear whole or not at all; what is no file stays what it is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from router.errors import OutputError, UsageError
from router.files import (
    FileSink,
    check_apart,
    check_directory,
    check_file,
    check_mirror,
    check_new_file,
    make_private,
)


def _write(path: Path, *parts: bytes) -> None:
    sink = FileSink(str(path))
    for part in parts:
        sink.write(memoryview(part))
    sink.commit()
    sink.abort()


def test_a_file_appears_when_it_is_committed(tmp_path: Path) -> None:
    sink = FileSink(str(tmp_path / "out"))
    sink.write(memoryview(b"all of it"))
    before = (tmp_path / "out").exists()

    sink.commit()

    assert not before
    assert (tmp_path / "out").read_bytes() == b"all of it"


def test_the_umask_of_the_process_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(_mask: int) -> int:
        raise AssertionError("other threads make files too")

    monkeypatch.setattr(os, "umask", changed)
    _write(tmp_path / "out", b"x")


def test_a_missing_directory_is_made_where_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "out.tar"
    check_new_file(str(path), "the output")

    sink = FileSink(str(path), makes_directory=True)
    sink.write(memoryview(b"x"))
    sink.commit()

    assert path.read_bytes() == b"x"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) & 0o022 == 0


def test_a_directory_that_cannot_be_made_is_told_before_the_build(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")

    with pytest.raises(UsageError, match=r"the output .*/a/b: .*/a is not a directory"):
        check_new_file(str(tmp_path / "a" / "b" / "out.tar"), "the output")


def test_what_a_killed_process_leaves_is_known_by_its_name(tmp_path: Path) -> None:
    sink = FileSink(str(tmp_path / "out"))

    (left,) = os.listdir(tmp_path)

    assert left.startswith(".warmroute-")
    sink.abort()


@pytest.mark.parametrize("other", ["out", "./out", "x/../out", "link"])
def test_two_outputs_at_one_place_are_refused(tmp_path: Path, other: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "link").symlink_to("out")

    for trees in ((False, False), (True, False), (False, True)):
        with pytest.raises(UsageError, match="two outputs would be written to"):
            check_apart(zip((f"{tmp_path}/out", f"{tmp_path}/{other}"), trees, strict=True))


def test_outputs_that_do_not_meet_are_taken(tmp_path: Path) -> None:
    out = str(tmp_path / "out")

    check_apart(
        [(out, True), (out, True), (f"{out}/a.tar", False), ("/dev/null", False), ("/dev/null", False)]
    )


def test_nothing_is_left_of_what_was_aborted(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    sink = FileSink(str(tmp_path / "out"))
    sink.write(memoryview(b"half"))

    sink.abort()

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"out": b"old"}


def test_abort_after_commit_changes_nothing(tmp_path: Path) -> None:
    _write(tmp_path / "out", b"one ", b"two")

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"one two"]


def test_a_file_has_the_mode_that_the_umask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        _write(tmp_path / "out", b"")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640


def test_a_link_stays_and_what_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/real")

    _write(tmp_path / "link", b"content")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "real").read_bytes() == b"content"


def test_a_pipe_takes_the_bytes_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()

    _write(tmp_path / "pipe", b"content")

    reader.join(timeout=10)
    assert read == [b"content"]
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_that_cannot_be_opened_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such file or directory"):
        FileSink(str(tmp_path / "nothing" / "out"))


@pytest.mark.parametrize("path", ["", "folder", "folder/", "nowhere/file", "file/below"])
def test_a_path_where_no_file_can_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match=r"^--flag .*(a directory|no directory)"):
        check_file(path, "--flag")


@pytest.mark.parametrize("path", ["new", "file", "folder/new", "/dev/null"])
def test_a_path_where_a_file_can_be_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)

    check_file(path, "--flag")


@pytest.mark.parametrize("path", [".", "folder", "new", "new/and/deeper"])
def test_a_path_where_a_tree_can_be_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)

    check_directory(path, "the output")


@pytest.mark.parametrize("path", ["file", "file/below", "/dev/null"])
def test_a_path_where_no_tree_can_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match="is not a directory"):
        check_directory(path, "the output")


@pytest.mark.parametrize(
    ("path", "fine"),
    [
        ("out", True),
        ("out/../other", True),
        ("link-inside", True),
        (".", False),
        ("..", False),
        ("/", False),
        ("link-outside", False),
        ("../here-too", False),
    ],
)
def test_a_mirror_is_below_the_working_directory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    fine: bool,
) -> None:
    here = tmp_path / "here"
    (here / "out").mkdir(parents=True)
    (here / "link-inside").symlink_to("out")
    (here / "link-outside").symlink_to(tmp_path)
    monkeypatch.chdir(here)

    if fine:
        check_mirror(path, "the output")
    else:
        with pytest.raises(UsageError, match="mode=delete removes everything else there") as caught:
            check_mirror(path, "the output")
        assert "--allow buildx.local.delete" in (caught.value.hint or "")


def test_an_open_descriptor_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as log:
        log.write(b"before ")
        _write(Path(f"/dev/fd/{log.fileno()}"), b"result ")
        log.write(b"after")

    assert (tmp_path / "log").read_bytes() == b"before result after"
    assert os.listdir(tmp_path) == ["log"]


def test_it_is_known_whether_something_can_not_be_taken_back(tmp_path: Path) -> None:
    begun: list[bool] = []
    for path in (tmp_path / "out", Path("/dev/null")):
        sink = FileSink(str(path))
        begun.append(sink.begun)
        sink.write(memoryview(b"x"))
        begun.append(sink.begun)
        sink.abort()

    assert begun == [False, False, False, True]


def test_every_folder_on_the_way_to_a_private_one_is_for_this_user_alone(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    made = [shared / "a", shared / "a" / "b", shared / "a" / "b" / "c"]

    # Of a process of its own: the umask is all threads'.
    program = (
        f"import os; os.umask(0); from router.files import make_private; make_private({str(made[-1])!r})"
    )
    subprocess.run((sys.executable, "-c", program), check=True)

    assert [stat.S_IMODE(each.stat().st_mode) for each in made] == [0o700] * 3
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    make_private(str(made[-1]))


def test_a_file_in_the_place_of_a_private_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_private(str(tmp_path / "file"))
    with pytest.raises(FileExistsError):
        make_private(str(tmp_path / "file" / "below"))
