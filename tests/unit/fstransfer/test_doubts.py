"""Which files a daemon is made to ask for again."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from router._proto.fsutil_pb2 import Stat
from router.fstransfer.doubts import Doubts
from router.fstransfer.manner import Manner
from router.fstransfer.sender import Sender
from tests.unit.fstransfer.peer import fetch

SECOND = 10**9
TEMPORARY = 1 << 28


class _Times:
    """As much of a status as counts here."""

    st_mode = 0o100640
    st_size = 7

    def __init__(self, changed: int, modified: int = 5) -> None:
        self.st_ctime_ns, self.st_mtime_ns = changed, modified


def marked(doubts: Doubts, status: _Times) -> bool:
    """Say whether the sender would mark a file."""
    return status.st_ctime_ns >= doubts.enter(b"", 0) and bool(doubts.mark(status))  # type: ignore[arg-type]


SINCE = 1_700_000_000 * SECOND


@pytest.mark.parametrize(
    ("changed", "modified", "expected"),
    [
        (SINCE - 3600 * SECOND, 5, False),
        (SINCE - SECOND // 10 + 1, 5, False),
        (SINCE - SECOND // 100 + 1, 5, True),  # the file system's clock stands still between its ticks
        (SINCE - SECOND, 5, True),  # whole seconds: a clock that has no more
        (SINCE + 1, 5, True),
        (SINCE + 1, SINCE + 1, False),  # written as usual: the daemon sees that by itself
        (SINCE + 1, SINCE + 3600 * SECOND, True),
    ],
)
def test_a_file_is_doubted_that_changed_otherwise_than_by_being_written(
    changed: int, modified: int, expected: bool
) -> None:
    assert marked(Doubts(SINCE), _Times(changed, modified)) is expected


def test_without_a_time_everything_is_doubted() -> None:
    assert marked(Doubts(), _Times(5, 5))
    assert not Doubts().excessive


def test_the_mark_leaves_the_rest_of_the_mode_alone() -> None:
    stat = Stat.FromString(b"\x10\x80\x80\x04" + Doubts().mark(_Times(5)))  # type: ignore[arg-type]

    assert stat.mode == 0o640 | TEMPORARY


def test_doubts_are_excessive_when_they_cost_a_good_part_of_a_whole_transfer() -> None:
    doubts = Doubts(SINCE)
    big = _Times(SINCE + 1)
    big.st_size = 5 << 20
    doubts.mark(big)  # type: ignore[arg-type]

    doubts.end(10, 200 << 20)
    assert not doubts.excessive
    few = Doubts(SINCE)
    few.mark(big)  # type: ignore[arg-type]
    few.end(10, 50 << 20)
    assert few.excessive


def test_only_regular_files_are_marked_and_all_their_names(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/file").write_text("x")
    (tmp_path / "sub/name").hardlink_to(tmp_path / "sub/file")
    (tmp_path / "link").symlink_to("sub")
    (tmp_path / "plain").write_text("x")
    for path in (tmp_path / "sub/file", tmp_path / "sub"):
        os.utime(path, (5, 5))
    os.utime(tmp_path / "link", (5, 5), follow_symlinks=False)

    sender = Sender(os.fsencode(tmp_path), manner=Manner(doubts=Doubts(time.time_ns() - 60 * SECOND)))

    found = {os.fsdecode(path): bool(stat.mode & TEMPORARY) for path, stat in fetch(sender).stats.items()}
    assert found == {"link": False, "plain": False, "sub": False, "sub/file": True, "sub/name": True}


class Clock:
    """A clock that goes on while somebody sleeps."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.slept: list[float] = []

    def time(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += int(seconds * SECOND)


@pytest.mark.parametrize(
    ("before", "waited"),
    [
        (1_000_000, 0.019),
        (19_000_000, 0.001),
        (20_000_000, 0),
        (SECOND, 1),  # no nanoseconds: a clock that has no more than seconds, or even ones
        (2 * SECOND, 0),
        (3600 * SECOND, 0),
        (-3600 * SECOND + 1, 0.02),  # another machine's clock
    ],
)
def test_the_tick_in_which_a_file_has_changed_is_waited_for_once(before: int, waited: float) -> None:
    clock = Clock(SINCE + 86_400 * SECOND)
    doubts = Doubts(SINCE, clock=clock.time, sleep=clock.sleep)
    changed = clock.now - before
    for status in (_Times(changed, changed), _Times(changed)):
        marked(doubts, status)
    marked(doubts, _Times(clock.now, clock.now))
    marked(doubts, _Times(clock.now, clock.now))

    first = [waited] if waited else []
    others = [] if waited else [2.0]
    assert clock.slept == [pytest.approx(wait) for wait in first + others]


def test_no_file_changes_unseen_between_two_transfers_within_a_tick(tmp_path: Path) -> None:
    """The first content arrives only once a second edit has a later time."""
    (tmp_path / "file").write_text("x")
    clock = Clock((tmp_path / "file").stat().st_ctime_ns)
    doubts = Doubts(clock.now - 60 * SECOND, clock=clock.time, sleep=clock.sleep)

    fetch(Sender(os.fsencode(tmp_path), manner=Manner(doubts=doubts)))

    assert clock.slept == [0.02]
