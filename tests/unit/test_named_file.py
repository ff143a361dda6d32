"""Files that other files name: read within bounds of size and time, with an error that says which."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from router.errors import os_reason
from router.named_file import read_named
from router.once import OneTimeFiles


def _fault(path: object) -> str:
    with pytest.raises(OSError, match=r"\w") as caught:
        read_named(str(path))
    return os_reason(caught.value)


def test_a_file_is_read_whole_up_to_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(16 << 20))

    assert len(read_named(str(path))) == 16 << 20
    path.write_bytes(bytes((16 << 20) + 1))
    assert _fault(path) == "it is larger than 16 MiB"


def test_an_endless_device_is_too_large() -> None:
    assert _fault("/dev/zero") == "it is larger than 16 MiB"


@pytest.mark.parametrize("begun", [False, True], ids=["no writer", "a writer that does not finish"])
def test_a_pipe_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    monkeypatch.setattr("router.named_file._PATIENCE", 0.2)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR) if begun else None
    if writer is not None:
        os.write(writer, b"some")

    assert _fault(path) == "it is a pipe, and nobody has finished writing to it after 0.2 s"

    if writer is not None:
        os.close(writer)


def test_a_pipe_that_somebody_writes_to_is_read_once_and_kept(tmp_path: Path) -> None:
    path, files = tmp_path / "pipe", OneTimeFiles()
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"content",))
    writer.start()

    assert [read_named(str(path), files), read_named(str(path), files)] == [b"content", b"content"]

    writer.join()


def test_what_can_not_be_read_says_why(tmp_path: Path) -> None:
    assert _fault(tmp_path) == "is a directory"
    assert _fault(tmp_path / "missing") == "no such file or directory"
    assert _fault("a\0b") == "its name has a null character"
