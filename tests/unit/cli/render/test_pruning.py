"""What a prune says while it runs."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest

import cli.render.pruning
from cli.render.pruning import PruneProgress
from router import CacheRecord, Daemon
from router.address import parse_address

RECORD = CacheRecord(
    id="a",
    type="regular",
    size=1500,
    mutable=False,
    in_use=False,
    shared=False,
    description="",
    parents=(),
    usage_count=1,
    created=0,
    last_used=None,
)
ASH, BIRCH = (Daemon(name=name, address=parse_address("tcp://one:1")) for name in ("ash", "bi\x1b[2Jrch"))


class Stream(io.StringIO):
    """A stream that is a terminal, or isn't."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@dataclass
class Clock:
    now: float = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(cli.render.pruning, "time", clock)
    return clock


def test_a_terminal_has_one_line_that_changes_and_goes(clock: Clock) -> None:
    stream = Stream(terminal=True)
    progress = PruneProgress(stream)

    progress.see(BIRCH, RECORD)
    progress.see(BIRCH, RECORD)  # too soon
    clock.now += 0.2
    progress.see(ASH, RECORD)
    progress.close()

    assert stream.getvalue().split("\r\x1b[K")[1:] == [
        "warmroute: freed 1.50kB so far (1 record of birch)",
        "warmroute: freed 4.50kB so far (3 records of 2 daemons)",
        "",
    ]


def test_elsewhere_a_line_is_written_now_and_then(clock: Clock) -> None:
    stream = Stream(terminal=False)
    progress = PruneProgress(stream)

    progress.see(ASH, RECORD)
    clock.now += 5
    progress.see(ASH, RECORD)
    progress.close()

    assert stream.getvalue() == "warmroute: freed 3.00kB so far (2 records of ash)\n"
