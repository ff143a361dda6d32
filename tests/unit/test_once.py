"""What can be read once is read once, can be waited for, and reaches programs; files are read as they are."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.cancellation import Cancellation
from router.errors import CancelledError
from router.once import LentFiles, OneTimeFiles, is_one_time, same_source


def pipe_with(content: bytes) -> int:
    """Return the reading end of a pipe that has some content, and then ends."""
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    return reader


def named(descriptor: int) -> str:
    return f"/dev/fd/{descriptor}"


@pytest.fixture
def piped() -> Iterator[str]:
    """A path such as ``<(printf content)`` gives."""
    reader = pipe_with(b"content")
    yield named(reader)
    os.close(reader)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@contextmanager
def writing(path: Path, content: bytes) -> Iterator[threading.Thread]:
    """Write to a named pipe as soon as somebody reads it."""
    thread = threading.Thread(target=path.write_bytes, args=(content,))
    thread.start()
    yield thread
    thread.join()


def test_a_pipe_has_the_same_content_each_time(piped: str) -> None:
    files = OneTimeFiles()

    assert [files.read(piped), files.read(piped), files.read(piped, 3)] == [b"content", b"content", b"cont"]


def test_one_pipe_has_one_content_by_whatever_name(piped: str) -> None:
    files = OneTimeFiles()
    number = piped.rpartition("/")[2]

    assert files.read(piped) == files.read(f"/proc/self/fd/{number}") == b"content"


def test_a_named_pipe_has_the_same_content_each_time(fifo: Path) -> None:
    files = OneTimeFiles()

    with writing(fifo, b"x" * 200_000):
        first = files.read(str(fifo))

    assert first == files.read(str(fifo)) == b"x" * 200_000


def test_a_socket_is_read_by_its_descriptor() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"content")
        far.shutdown(socket.SHUT_WR)
        files = OneTimeFiles()

        assert files.read(named(near.fileno())) == files.read(named(near.fileno())) == b"content"


def test_a_device_without_end_is_cut() -> None:
    assert len(OneTimeFiles().read("/dev/zero", 100)) == 101
    assert OneTimeFiles().read("/dev/null") == b""


def test_a_regular_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    files = OneTimeFiles()
    old = files.read(str(path))
    path.write_bytes(b"newer")

    assert (old, files.read(str(path)), files.read(str(path), 3)) == (b"old", b"newer", b"newe")


def test_what_cannot_be_read_is_an_os_error_each_time(tmp_path: Path) -> None:
    files = OneTimeFiles()

    for path in (tmp_path / "nothing", tmp_path):
        for _ in range(2):
            with pytest.raises(OSError, match=path.name):
                files.read(str(path))


def test_waiting_for_a_writer_is_told_and_can_be_interrupted(fifo: Path) -> None:
    told: list[str] = []
    with Cancellation() as cancellation:

        def tell(text: str) -> None:
            told.append(text)
            cancellation.cancel("got SIGINT")

        with pytest.raises(CancelledError, match="got SIGINT"):
            OneTimeFiles().take([str(fifo)], cancellation, tell)

    assert told == [f"waiting for data from {fifo}"]


def test_waiting_for_another_thread_that_waits_can_be_interrupted(fifo: Path) -> None:
    files = OneTimeFiles()
    with Cancellation() as first, Cancellation() as second:
        holding = threading.Event()

        def wait() -> None:
            with pytest.raises(CancelledError):
                files.take([str(fifo)], first, lambda _text: holding.set())

        thread = threading.Thread(target=wait)
        thread.start()
        assert holding.wait(10)
        second.cancel()
        with pytest.raises(CancelledError):
            files.take([str(fifo)], second, lambda _text: None)
        first.cancel()
        thread.join()


def test_what_was_taken_is_there_without_waiting(fifo: Path) -> None:
    files = OneTimeFiles()
    with Cancellation() as cancellation, writing(fifo, b"content"):
        files.take(["/nowhere", str(fifo)], cancellation, pytest.fail)

    assert files.read(str(fifo)) == b"content"


def test_taking_opens_no_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    files = OneTimeFiles()
    with Cancellation() as cancellation:
        files.take([str(path)], cancellation, pytest.fail)
    path.write_bytes(b"new")

    assert files.read(str(path)) == b"new"


def cat(path: str, descriptors: tuple[int, ...]) -> bytes:
    """Read a path twice, in another process."""
    return subprocess.run(
        ["/bin/cat", path, path],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    ).stdout


def test_a_program_reads_what_this_process_has_read(piped: str) -> None:
    files = OneTimeFiles()
    files.read(piped)

    for _attempt in range(2):
        with LentFiles(files) as lent:
            path = lent.path(piped)

            assert cat(path, lent.descriptors) == b"contentcontent"


def test_what_is_lent_is_taken_back(piped: str) -> None:
    with LentFiles(OneTimeFiles()) as lent:
        path = lent.path(piped)
        during = os.path.exists(path)

    assert (during, os.path.exists(path), lent.descriptors) == (True, False, ())


def test_a_file_that_a_program_would_look_for_in_its_own_descriptors_is_lent(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"redirected")
    with open(tmp_path / "file", "rb") as file:
        (tmp_path / "link").symlink_to(named(file.fileno()))
        for path in (named(file.fileno()), str(tmp_path / "link")):
            with LentFiles(OneTimeFiles()) as lent:
                assert cat(lent.path(path), lent.descriptors) == b"redirected" * 2


def test_other_paths_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    with socket.socket(socket.AF_UNIX) as agent, LentFiles(OneTimeFiles()) as lent:
        agent.bind(str(tmp_path / "agent"))
        paths = [str(tmp_path / name) for name in ("file", "link", "agent", "nothing", "")]

        assert [lent.path(path) for path in paths] == paths
        assert lent.descriptors == ()


def test_who_reads_the_same_pipe_is_found(piped: str, tmp_path: Path) -> None:
    number = int(piped.rpartition("/")[2])
    other = pipe_with(b"")
    (tmp_path / "file").touch()
    with open(tmp_path / "file", "rb") as file:
        assert same_source(piped, number)
        assert not same_source(piped, other)
        assert not same_source("/nowhere", number)
        assert not same_source(named(file.fileno()), file.fileno())  # it can be read twice
    os.close(other)


def test_sockets_with_a_name_and_directories_are_no_one_time_files(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))

        assert not any(map(is_one_time, [str(tmp_path), str(tmp_path / "agent"), "\0", "", "/nowhere"]))
