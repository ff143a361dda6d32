"""A directory of the context that is swapped for a link out of it while it is read."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router._proto.fsutil_pb2 import Packet
from router.errors import UsageError
from router.fstransfer.beneath import Root
from router.fstransfer.sender import Filter, Sender
from router.fstransfer.walk import walk
from router.fstransfer.xattrs import read_xattrs
from tests.unit.fstransfer.peer import fetch, unpack

_REPLACED = "it was replaced while it was being sent"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context of one directory with one file, and the same with other content beside the context."""
    for folder, content in ((tmp_path / "context/d/e", b"inside"), (tmp_path / "outside/e", b"SECRET")):
        folder.mkdir(parents=True)
        (folder / "f").write_bytes(content)
    (tmp_path / "outside/e/key").write_bytes(b"SECRET")
    return tmp_path / "context"


def swap(context: Path) -> None:
    (context / "d").rename(context.parent / "aside")
    (context / "d").symlink_to("../outside")


def test_a_link_in_the_place_of_a_directory_is_not_walked_into(context: Path) -> None:
    entries = walk(Root(os.fsencode(context)))
    assert next(entries)[0] == b"d"
    swap(context)
    with pytest.raises(NotADirectoryError) as caught:
        next(entries)
    assert caught.value.filename == os.fsencode(context / "d")


@pytest.mark.parametrize("exclude", [(), ("other",), ("d/e/other",)])
def test_a_directory_stays_the_one_that_was_entered(context: Path, exclude: tuple[str, ...]) -> None:
    (context / "d/e/a").touch()
    sender = Sender(os.fsencode(context), filter=Filter(exclude=exclude))
    sent = [packet.stat.path for _ in range(3) for packet in unpack(sender.pull(1) or [])]
    assert sent == [b"d", b"d/e", b"d/e/a"]
    swap(context)
    rest = [packet.stat for packet in unpack(sender.pull(1 << 20) or [])]
    assert [(stat.path, stat.size) for stat in rest] == [(b"d/e/f", 6), (b"", 0)]
    sender.close()


@pytest.mark.parametrize("size", [6, 3 << 20])
def test_the_content_of_a_file_is_not_read_from_elsewhere(context: Path, size: int) -> None:
    for folder in (context / "d", context.parent / "outside"):
        (folder / "e/f").write_bytes(folder.name.encode().ljust(size, b"\0"))
    sender = Sender(os.fsencode(context))
    sender.pull(1 << 20)
    swap(context)
    sender.receive(Packet(type=Packet.PACKET_REQ, ID=2).SerializeToString())
    with pytest.raises(UsageError, match=f'/context/d/e": {_REPLACED}') as caught:
        sender.pull(1 << 20)
    assert caught.value.hint


def test_the_directory_that_is_sent_stays_the_one_that_was_named(context: Path) -> None:
    sender = Sender(os.fsencode(context / "d"))
    swap(context)
    assert fetch(sender).contents == {b"e/f": b"inside"}


def test_a_link_on_the_way_to_a_directory_is_refused(context: Path) -> None:
    root = Root(os.fsencode(context))
    swap(context)
    with pytest.raises(NotADirectoryError) as caught:
        root.directory(b"d/e")
    assert caught.value.filename == os.fsencode(context / "d/e")
    root.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's attributes")
def test_attributes_are_read_where_the_entry_was_found(context: Path) -> None:
    inside, outside = context / "d/e/f", context.parent / "outside/e/f"
    try:
        os.setxattr(outside, "user.a", b"SECRET")
        os.setxattr(outside, "user.b", b"SECRET")
        os.setxattr(inside, "user.a", b"inside")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    directory = os.open(context / "d/e", os.O_RDONLY)
    swap(context)
    assert read_xattrs(os.fsencode(context / "d/e/f"), directory, b"f") == {b"user.a": b"inside"}
    os.close(directory)


def _linger(path: bytes) -> None:
    """Let both states last about equally long, so that a transfer meets either."""
    for _ in range(50):
        os.stat(path)


@contextmanager
def swapping(context: Path) -> Iterator[None]:
    """Swap the directory for a link and back, as fast as it goes, in a process of its own."""
    child = os.fork()
    if child == 0:
        directory, aside = os.fsencode(context / "d"), os.fsencode(context.parent / "aside")
        try:
            while True:
                os.rename(directory, aside)
                os.symlink(b"../outside", directory)
                _linger(directory)
                os.unlink(directory)
                os.rename(aside, directory)
                _linger(directory)
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("chosen", [Filter(), Filter(include=("d/e/*",)), Filter(follow_paths=("d/e/f",))])
def test_nothing_from_outside_arrives_however_often_it_is_swapped(context: Path, chosen: Filter) -> None:
    for number in range(20):
        (context / f"d/e/{number}").write_bytes(b"inside")
        (context.parent / f"outside/e/{number}").write_bytes(b"SECRET")
    arrived = refused = 0
    with swapping(context):
        while refused < 10 or not arrived:  # without the checks, about every second of these would leak
            sender = Sender(os.fsencode(context), filter=chosen)
            try:
                fetched = fetch(sender)
            except UsageError:
                refused += 1
                continue
            finally:
                sender.close()
            assert b"SECRET" not in fetched.contents.values()
            assert b"d/e/key" not in fetched.paths
            arrived += b"d/e/f" in fetched.contents
