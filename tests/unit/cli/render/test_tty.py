"""The tty display on a real pseudo-terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from cli.render import Renderer, open_renderer
from router.model.address import TcpAddress
from router.model.daemon import Place
from router.model.events import Attempt, Notice
from router.model.result import BuildResult
from tests.unit.cli.render.events import log, vertex, warning
from tests.unit.cli.render.terminal import Terminal

COLUMNS, ROWS = 40, 8
ADDRESS = TcpAddress(host="b.test")


class Pty:
    """A pseudo-terminal whose output a thread reads into a Terminal."""

    def __init__(self) -> None:
        self._control, self.terminal_side = pty.openpty()
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self.terminal_side, termios.TIOCSWINSZ, size)
        self._received = bytearray()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, pattern: str, *, kinds: int = 1) -> None:
        """Wait until so many different texts that match ``pattern`` were written."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(set(re.findall(pattern.encode(), self._received))) >= kinds, timeout=10
            )

    def written(self) -> str:
        """All that was written so far."""
        with self._changed:
            return self._received.decode()

    def terminal(self) -> Terminal:
        """What a terminal shows of what was written; the writing side must be closed."""
        self._reader.join()
        terminal = Terminal(COLUMNS, ROWS)
        terminal.feed(self.written().replace("\r\n", "\n"))
        return terminal

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._control, 65536)
            except OSError:  # how Linux tells that the other side was closed
                break
            with self._changed:
                self._received += piece
                self._changed.notify_all()
        os.close(self._control)


@contextmanager
def display(terminal: Pty) -> Iterator[Renderer]:
    with os.fdopen(terminal.terminal_side, "w") as stream:
        yield open_renderer("auto", stream=stream, environment={"TERM": "xterm"}, verbosity=0)


def test_a_build_is_shown_while_it_runs_and_leaves_its_record() -> None:
    terminal = Pty()
    with display(terminal) as renderer:
        renderer.event(Notice(level="info", text="building on a"))
        renderer.event(vertex("one", 0))
        renderer.event(log("one", "compiling\n"))
        terminal.wait_for(" => => # compiling")
        renderer.event(vertex("one", 0, 1))
        renderer.event(warning("one", "bad"))
        renderer.close(None)
        renderer.close(None)

    shown = terminal.terminal()
    header, *rest = shown.everything()[1:]
    assert shown.everything()[0] == "warmroute: building on a"
    assert header.endswith("(1/1) FINISHED")
    assert rest == [
        " => one                            1.0s",
        " => WARN: bad                      1.0s",
        "",
        " 1 warning found (-v explains them):",
        " - bad",
    ]
    assert shown.cursor_visible


def test_the_header_names_the_daemon_and_the_last_line_says_how_warm_it_was() -> None:
    terminal = Pty()
    with display(terminal) as renderer:
        renderer.event(Attempt(number=1, daemon="b", address=ADDRESS, place=Place(home="b")))
        renderer.event(vertex("one", 0))
        terminal.wait_for(r"Building \S+ \(0/1\) +b \(home\)")
        renderer.event(vertex("one", 0, 1))
        renderer.close(None, BuildResult(daemon="b", address=ADDRESS, ref="r", steps=1, cached=0))

    header, _, *last = terminal.terminal().everything()
    assert re.fullmatch(r"\[\+\] \d+\.\ds \(1/1\) FINISHED +b \(home\)", header)
    assert len(header) == COLUMNS - 1
    assert re.fullmatch(r"warmroute: built on b \(home\): 0 of 1 step cached, \d+\.\d s", "".join(last))


def test_a_build_that_is_not_at_home_says_so_above() -> None:
    terminal = Pty()
    with display(terminal) as renderer:
        place = Place(number=2, home="a", reason="busy")
        renderer.event(Attempt(number=1, daemon="b", address=ADDRESS, place=place))
        renderer.event(vertex("one", 0))
        terminal.wait_for("Building")
        renderer.close(RuntimeError())

    shown = "".join(terminal.terminal().everything())
    assert shown.startswith("warmroute: building on b (2nd choice; home a: busy)")


def test_time_goes_on_without_events() -> None:
    terminal = Pty()
    with display(terminal) as renderer:
        renderer.event(vertex("one", 0))
        terminal.wait_for(r"Building \S+", kinds=3)
        renderer.close(None)
    terminal.terminal()


def test_a_build_that_never_began_leaves_its_notices_alone() -> None:
    terminal = Pty()
    with display(terminal) as renderer:
        renderer.event(Notice(level="warning", text="no daemon answers"))
        terminal.wait_for("Building")
        renderer.close(RuntimeError())

    assert terminal.terminal().everything() == ["warmroute: no daemon answers"]


def test_a_record_higher_than_the_terminal_is_kept_whole() -> None:
    terminal = Pty()
    with display(terminal) as renderer:
        for number in range(20):
            renderer.event(vertex(f"step {number}", 0))
            if number == 10:
                terminal.wait_for("step 10")
        for number in range(20):
            renderer.event(vertex(f"step {number}", 0, 1))
        renderer.close(None)

    header, *steps = terminal.terminal().everything()
    assert header.endswith("(20/20) FINISHED")
    assert [line.split()[2] for line in steps] == [str(number) for number in range(20)]


@pytest.mark.parametrize("lines", ["2", "x", "0", "-1", "99999999999"])
def test_the_lines_of_a_window_can_be_chosen(lines: str) -> None:
    terminal = Pty()
    with os.fdopen(terminal.terminal_side, "w") as stream:
        renderer = open_renderer(
            "tty", stream=stream, environment={"BUILDKIT_TTY_LOG_LINES": lines}, verbosity=0
        )
        renderer.event(vertex("one", 0))
        renderer.event(log("one", "first\nsecond\nthird\n"))
        terminal.wait_for("third")
        renderer.close(None)

    terminal.terminal()
    assert ("first" in terminal.written()) == (lines != "2")


def test_an_interrupted_event_does_not_keep_the_display_from_closing() -> None:
    terminal = Pty()
    with display(terminal) as renderer:
        renderer.event(vertex("one", 0))
        # A signal handler closes the display in the very thread that is inside of it.
        with renderer._turns.mine():  # type: ignore[attr-defined]
            renderer.close(KeyboardInterrupt())

    assert terminal.terminal().cursor_visible


class Typewriter(io.StringIO):
    """A stream on which the first record is cut short, as by a second Ctrl-C."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = False

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if "CANCELED" in text and not self.cut:
            self.cut = True
            super().write("\x1b[?25l\x1b[?7l[+] Buil")
            raise KeyboardInterrupt
        return super().write(text)


def test_a_record_that_is_cut_short_leaves_a_sane_terminal() -> None:
    stream = Typewriter()
    renderer = open_renderer("tty", stream=stream, environment={}, verbosity=0)
    renderer.event(vertex("a", 0))

    with pytest.raises(KeyboardInterrupt):
        renderer.close(RuntimeError())

    assert stream.cut
    assert stream.getvalue().endswith("[+] Buil\x1b[0m\x1b[?7h\x1b[?25h\n")


def test_who_is_in_a_hurry_finds_a_sane_terminal_after_a_record_that_was_cut_short() -> None:
    stream = Typewriter()
    renderer = open_renderer("tty", stream=stream, environment={}, verbosity=0)
    renderer.event(vertex("a", 0))
    with suppress(KeyboardInterrupt):
        renderer.close(RuntimeError())

    renderer.close(KeyboardInterrupt())

    assert stream.getvalue().endswith("\n\x1b[0m\x1b[?7h\x1b[?25h\n")
