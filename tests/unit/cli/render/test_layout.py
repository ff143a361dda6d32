"""The tty display's rows and columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.cells import cell_width
from cli.render.layout import Line, View, final_lines, live_lines
from cli.render.loglines import LogTail
from cli.render.trace import Step, Trace
from router.model.events import SolveStatus
from tests.unit.cli.render.events import SECOND, log, transfer, vertex, warning


class Board:
    """A build whose events all come at the moment it begins."""

    def __init__(self, *messages: SolveStatus) -> None:
        self.trace = Trace()
        self.logs: dict[Step, LogTail] = {}
        for message in messages:
            self.trace.update(message, 0)
            for told in message.logs:
                if step := self.trace.find(told.vertex):
                    self.logs.setdefault(step, LogTail()).feed(told.data)

    def live(self, columns: int = 40, rows: int = 24, seconds: float = 2) -> list[Line]:
        return live_lines(self.trace, self.logs, view(columns, rows, seconds))

    def final(self, columns: int = 40, *, failed: bool = False) -> list[Line]:
        return final_lines(self.trace, view(columns, 24, 2), failed=failed)

    def texts(self, columns: int = 40, rows: int = 24) -> list[str]:
        return [line.text for line in self.live(columns, rows)]


def view(columns: int, rows: int, seconds: float, label: str = "") -> View:
    return View(columns=columns, rows=rows, began=0, now=int(seconds * SECOND), log_lines=3, label=label)


def test_a_running_build_shows_its_steps_with_their_time() -> None:
    board = Board(vertex("one", 0, 1.5), vertex("two", 1.5), vertex("three"))

    assert board.texts(columns=30) == [
        "[+] Building 2.0s (1/3)",
        " => one                  1.5s",
        " => two                  2.0s",
    ]


@pytest.mark.parametrize(
    ("columns", "header"),
    [
        (40, "[+] Building 2.0s (0/0)     pod-1 (home)"),
        (37, "[+] Building 2.0s (0/0)  pod-1 (home)"),
        (36, "[+] 2.0s (0/0)          pod-1 (home)"),
        (28, "[+] 2.0s (0/0)  pod-1 (home)"),
        (27, "[+] Building 2.0s (0/0)"),
    ],
)
def test_the_header_ends_with_the_daemon_where_there_is_room(columns: int, header: str) -> None:
    assert live_lines(Trace(), {}, view(columns + 1, 24, 2, "pod-1 (home)"))[0].text == header


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (vertex("a", 0, 0.01), Line(" => a                    0.0s", "run")),
        (vertex("a", 0), Line(" => a                    2.0s", "")),
        (vertex("a", 0, 0, cached=True), Line(" => CACHED a             0.0s", "run")),
        (vertex("a", 0, 1, error="exit code: 1"), Line(" => ERROR a              1.0s", "error")),
        (vertex("a", 0, 1, error="context canceled"), Line(" => CANCELED a           1.0s", "cancel")),
        (vertex("a\tb\x1b[2J", 0), Line(" => a b                  2.0s", "")),
        (vertex("漢字" * 9, 0), Line(" => 漢字漢字漢字漢字漢   2.0s", "")),
    ],
)
def test_a_step_shows_what_became_of_it(message: SolveStatus, line: Line) -> None:
    assert Board(message).live(columns=30)[1] == line


def test_a_transfer_shows_how_far_it_is() -> None:
    board = Board(
        vertex("a", 0),
        transfer("a", "sha256:0123456789", current=1230, total=4_500_000),
        transfer("a", "metadata", current=31, stop=0.5),
    )

    assert board.live(columns=48)[2:] == [
        Line(" => => sha256:0123456789 1.23kB / 4.50MB   2.0s"),
        Line(" => => metadata 31B                        0.5s", "run"),
    ]


def test_a_transfer_has_a_bar_and_a_rate_where_there_is_room() -> None:
    board = Board(
        vertex("a", 0),
        transfer("a", "sha256:0123456789", current=4_000_000, total=10_000_000),
        transfer("a", "context:", current=3_000_000),
        transfer("a", "sha256:9876543210", current=10_000_000, total=10_000_000, stop=0.5),
    )

    assert board.texts(columns=80)[2:] == [
        " => => sha256:0123456789 [===>      ] 4.00MB / 10.00MB 2.00MB/s            2.0s",
        " => => context: 3.00MB 1.50MB/s                                            2.0s",
        " => => sha256:9876543210 10.00MB / 10.00MB 20.00MB/s                       0.5s",
    ]


def test_a_transfer_on_a_narrow_terminal_leaves_out_how_far_it_is() -> None:
    board = Board(vertex("a", 0), transfer("a", "sha256:0123456789", current=1230, total=4_500_000))

    assert board.texts(columns=30)[2] == " => => sha256:012345678  2.0s"


def test_a_warning_is_shown_with_its_step() -> None:
    assert Board(vertex("a", 0, 1), warning("a", "bad")).live(columns=30)[2] == Line(
        " => WARN: bad            1.0s", "warning"
    )


def test_a_running_step_shows_the_last_lines_it_wrote() -> None:
    board = Board(vertex("a", 0), log("a", "1\n2\n3\n\x1b[31m4\x1b[0m\n"))

    assert board.live()[2:] == [Line(f" => => # {number}", "log") for number in (2, 3, 4)]


def test_a_long_line_of_a_running_step_wraps() -> None:
    board = Board(vertex("a", 0), log("a", "first\n" + "0123456789" * 4))

    assert board.texts(columns=30)[2:] == [
        " => => # first",
        " => => # " + "0123456789" * 2,
        " => => # " + "0123456789" * 2,
    ]


def test_of_a_line_that_is_too_long_for_its_window_the_end_is_shown() -> None:
    board = Board(vertex("a", 0), log("a", "x" * 60 + "and the end"))

    assert board.texts(columns=30)[2:] == [
        " => => # " + "x" * 20,
        " => => # " + "x" * 20,
        " => => # and the end",
    ]


def test_the_step_that_writes_most_gets_its_window_first() -> None:
    board = Board(vertex("a", 0), vertex("b", 0), log("a", "x\n"), log("b", "1\n2\n3\n4\n"))

    assert board.texts(rows=8)[1:] == [
        " => a                              2.0s",
        " => b                              2.0s",
        " => => # 2",
        " => => # 3",
        " => => # 4",
    ]


def test_on_a_low_terminal_running_steps_outlast_those_that_ended() -> None:
    board = Board(vertex("running", 0), *(vertex(f"ended {number}", 0, 1) for number in range(9)))

    assert [text[:12].strip() for text in board.texts(rows=5)] == [
        "[+] Building",
        "=> running",
        "=> ended 7",
        "=> ended 8",
    ]


@pytest.mark.parametrize(
    ("columns", "header"),
    [
        (40, "[+] Building 2.0s (1/1) FINISHED"),
        (32, "[+] 2.0s (1/1) FINISHED"),
        (20, "[+] 2.0s FINISHED"),
        (8, "[+] 2.0"),
    ],
)
def test_the_header_says_less_on_a_narrow_terminal(columns: int, header: str) -> None:
    assert Board(vertex("a", 0, 1)).final(columns)[0].text == header


def test_the_record_holds_every_step_whatever_the_height() -> None:
    board = Board(*(vertex(f"step {number}", 0, 1) for number in range(100)))

    assert len(board.final()) == 101


def test_the_record_of_a_failed_build_does_not_say_finished() -> None:
    assert Board(vertex("a", 0, 1)).final(failed=True)[0].text == "[+] Building 2.0s (1/1)"


def test_a_step_that_never_ended_was_canceled() -> None:
    assert Board(vertex("a", 0)).final(columns=30) == [
        Line("[+] Building 2.0s (0/1)"),
        Line(" => CANCELED a           2.0s", "cancel"),
    ]


def test_a_build_without_steps_leaves_no_record() -> None:
    assert Board(vertex("a")).final() == []


NAMES = st.sampled_from(["a", "[2/3] RUN 漢字 && make 🎉", "e\u0301" * 30, "x" * 200, "\x1b[31m\t\r\n"])
MESSAGES = st.one_of(
    st.builds(vertex, NAMES, st.just(0)),
    st.builds(vertex, NAMES, st.just(0), st.integers(0, 9), error=st.sampled_from(["", "bad"])),
    st.builds(log, NAMES, st.binary() | st.text()),
    st.builds(transfer, NAMES, st.text(), current=st.integers(0, 10**12), total=st.integers(0, 10**12)),
    st.builds(warning, NAMES, st.text()),
)
BOARDS = st.lists(MESSAGES, max_size=30).map(lambda messages: Board(*messages))


@given(BOARDS, st.integers(1, 120), st.integers(1, 30))
def test_the_display_never_exceeds_the_terminal(board: Board, columns: int, rows: int) -> None:
    lines = board.live(columns, rows)

    assert len(lines) <= max(rows - 1, 0)
    assert all(cell_width(line.text) <= columns - 1 for line in lines)
    assert all(cell_width(line.text) <= columns - 1 for line in board.final(columns))


@given(BOARDS)
def test_every_running_step_is_shown_when_there_is_room(board: Board) -> None:
    running = sum(not step.completed for step in board.trace.shown)
    open_transfers = sum(
        told.status.completed is None for step in board.trace.shown for told in step.transfers.values()
    )

    shown = [line for line in board.live(80, running + open_transfers + 2) if line.style == ""]

    assert len(shown) == 1 + running + open_transfers
