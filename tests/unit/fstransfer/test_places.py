"""Directories that took another's place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from router._proto.fsutil_pb2 import Packet
from router.errors import UsageError
from router.fstransfer import places
from router.fstransfer.doubts import Doubts
from router.fstransfer.manner import Manner
from router.fstransfer.places import PAIR, Places
from router.fstransfer.sender import Sender
from router.fstransfer.times import ContentTimes
from tests.unit.fstransfer.peer import fetch, unpack

TEMPORARY = 1 << 28
LATER = 60 * 10**9


class Memory:
    """A record in memory; ``directories`` gives None once it is lost, and it can be one that nothing can be
    added to."""

    def __init__(self) -> None:
        self.kept: bytes | None = b""
        self.full = False

    def directories(self) -> bytes | None:
        return self.kept

    def add_directories(self, pairs: bytes, /) -> None:
        if self.full:
            raise OSError(28, "no space left", "/state/record")
        self.kept = (self.kept or b"") + pairs


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("tree/a/b/file", "tree/c/file", "tree/file", "other/b/file", "other/new/file"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path / "tree"


def sender_of(tree: Path, record: Memory, name: str = "context") -> Sender:
    """Describe a tree whose files are all older than the daemon's copy."""
    doubts = Doubts(time.time_ns() + LATER, Places(name, record))
    return Sender(os.fsencode(tree), manner=Manner(doubts=doubts))


def doubted(tree: Path, record: Memory, name: str = "context") -> set[str]:
    """Send the tree, and return the files that are doubted."""
    stats = fetch(sender_of(tree, record, name)).stats
    return {os.fsdecode(path) for path, stat in stats.items() if stat.mode & TEMPORARY}


def exchange(one: Path, other: Path) -> None:
    one.rename(one.with_name("between"))
    other.rename(one)
    one.with_name("between").rename(other)


def test_directories_that_are_where_they_were_are_not_doubted(tree: Path) -> None:
    record = Memory()

    assert doubted(tree, record) == set()
    kept = record.kept
    assert doubted(tree, record) == set()
    assert record.kept == kept
    assert len(kept or b"") == 3 * PAIR


def test_another_directory_is_doubted_with_all_below_it_and_so_is_the_first_when_it_is_back(
    tree: Path,
) -> None:
    record, other = Memory(), tree.parent / "other"
    doubted(tree, record)
    exchange(tree / "a", other)

    assert doubted(tree, record) == {"a/b/file", "a/new/file"}
    assert doubted(tree, record) == {"a/b/file", "a/new/file"}
    exchange(tree / "a", other)
    assert doubted(tree, record) == {"a/b/file"}
    assert doubted(tree, Memory()) == set()


def test_a_directory_that_was_away_for_a_build_is_still_known(tree: Path) -> None:
    record = Memory()
    doubted(tree, record)
    (tree / "a").rename(tree.parent / "away")
    assert doubted(tree, record) == set()
    (tree.parent / "other").rename(tree / "a")

    assert doubted(tree, record) == {"a/b/file", "a/new/file"}


def test_each_root_has_its_own_directories(tree: Path) -> None:
    record = Memory()
    doubted(tree, record)
    exchange(tree / "a", tree.parent / "other")

    assert doubted(tree, record, "dockerfile") == set()


def test_everything_is_doubted_where_the_record_is_lost(tree: Path) -> None:
    record = Memory()
    record.kept = None

    assert doubted(tree, record) == {"a/b/file", "c/file", "file"}


def test_what_two_transfers_saw_at_once_is_doubted_afterwards(tree: Path) -> None:
    record = Memory()
    one = sender_of(tree, record)
    two = sender_of(tree, record)
    fetch(one)
    exchange(tree / "a", tree.parent / "other")
    fetch(two)

    assert doubted(tree, record) == {"a/b/file", "a/new/file"}


def test_what_is_new_is_kept_before_the_daemon_has_it_all(tree: Path) -> None:
    record = Memory()
    sender = sender_of(tree, record)
    while not any(
        packet.type == Packet.PACKET_STAT and not packet.HasField("stat")
        for packet in unpack(sender.pull(1) or [])
    ):
        assert not record.kept
    assert record.kept


def test_a_transfer_fails_whose_directories_cannot_be_kept(tree: Path) -> None:
    record = Memory()
    record.full = True

    with pytest.raises(UsageError, match="no space left"):
        fetch(sender_of(tree, record))


def test_a_directory_of_an_image_is_doubted_and_its_file_system_is_looked_at_once(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = look(monkeypatch, lambda _: None)

    assert doubted(tree, Memory()) == {"a/b/file", "c/file"}
    assert len(asked) == 1


def test_a_directory_of_another_file_system_with_the_same_numbers_is_doubted(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Memory()
    look(monkeypatch, lambda _: b"1")
    doubted(tree, record)
    look(monkeypatch, lambda _: b"2")

    assert doubted(tree, record) == {"a/b/file", "c/file"}


@pytest.mark.parametrize(
    ("answers", "same"), [((b"1", b"1"), True), ((b"1", b"2"), False), ((None, None), False)]
)
def test_times_of_a_checkout_are_of_one_file_system(
    answers: tuple[bytes | None, bytes | None], same: bool, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "large").write_bytes(b"x" * 100_000)
    now = time.time_ns()
    monkeypatch.setattr("router.fstransfer.times.time.time_ns", lambda: now + LATER)
    found = []
    for answer in answers:
        monkeypatch.setattr("router.fstransfer.times.identity", lambda _, answer=answer: answer)
        sender = Sender(os.fsencode(tree), manner=Manner(times=ContentTimes(None, b"salt")))
        found.append(fetch(sender).stats[b"large"].modTime)

    assert (found[0] == found[1]) is same


def look(monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], bytes | None]) -> list[int]:
    """Have file systems known by an answer; return the directories that were asked about."""
    asked: list[int] = []

    def identity(directory: int) -> bytes | None:
        asked.append(directory)
        return answer(directory)

    monkeypatch.setattr(places, "identity", identity)
    return asked
