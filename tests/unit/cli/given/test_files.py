"""What an option names is read whole, or refused with the option, the path and the reason."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.given.files import GivenFiles
from router import Cancellation, CancelledError, UsageError
from tests.unit.unprivileged import folder_for_anybody, unprivileged


def refused(path: str) -> str:
    with pytest.raises(UsageError) as caught:
        GivenFiles().text(path, "--file", "a hint")
    assert (caught.value.exit_code, caught.value.hint) == (2, "a hint")
    return str(caught.value)


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate((16 << 20) + 1)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda _: None, "no such file or directory"),
        (Path.mkdir, "is a directory"),
        (lambda path: path.write_bytes(b"\xff"), "it is not text in UTF-8"),
        (large, "it is larger than 16 MiB"),
        (lambda path: path.symlink_to(path), "too many levels of symbolic links"),
        (lambda path: path.symlink_to("/dev/zero"), "it is larger than 16 MiB"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    make(tmp_path / "given")

    assert refused(str(tmp_path / "given")) == f"can't read --file {tmp_path}/given: {why}"


def test_a_file_of_somebody_else_is_named() -> None:
    with folder_for_anybody() as folder:
        (folder / "given").touch(0o600)

        def said() -> str:
            return refused(str(folder / "given"))

        assert unprivileged(said) == f"can't read --file {folder}/given: permission denied"


def test_a_path_with_a_null_character_is_shown_without_it() -> None:
    assert refused("a\0b") == "can't read --file 'a\\x00b': it has a null character"


def test_the_most_that_is_read_is_read(tmp_path: Path) -> None:
    (tmp_path / "given").write_bytes(b"x" * (16 << 20))

    assert len(GivenFiles().content(str(tmp_path / "given"), "--file", "")) == 16 << 20


def test_a_pipe_has_the_same_content_each_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("content",))
    writer.start()
    files = GivenFiles()

    read = [files.text(str(tmp_path / "pipe"), name, "") for name in ("--file", "--other")]

    writer.join()
    assert read == ["content", "content"]


def test_a_pipe_that_nobody_writes_to_is_told_and_waited_for_until_the_build_ends(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    told: list[str] = []
    with Cancellation() as cancellation:

        def tell(text: str) -> None:
            told.append(text)
            cancellation.cancel("enough")

        files = GivenFiles(cancellation, tell)
        with pytest.raises(CancelledError, match="enough"):
            files.content(str(tmp_path / "pipe"), "--file", "")

    assert told == [f"waiting for data from {tmp_path}/pipe"]
