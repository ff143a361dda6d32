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
    return status.st_ctime_ns >= doubts.since and bool(doubts.mark(status))  # type: ignore[arg-type]


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

    doubts.weigh(10, 200 << 20)
    assert not doubts.excessive
    few = Doubts(SINCE)
    few.mark(big)  # type: ignore[arg-type]
    few.weigh(10, 50 << 20)
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
