"""The plain display as it is written."""

from __future__ import annotations

import io
import os
import re
import threading

from cli.render.plain import PlainRenderer
from router.address import parse_address
from router.model.daemon import Place
from router.model.events import Attempt, Notice
from router.model.result import BuildResult
from tests.unit.cli.render.events import log, vertex, warning


class Stream(io.StringIO):
    """Tells when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Condition()

    def write(self, text: str, /) -> int:
        with self.written:
            self.written.notify_all()
            return super().write(text)


def test_what_came_too_soon_to_print_is_printed_when_nothing_follows() -> None:
    stream = Stream()
    renderer = PlainRenderer(stream, verbosity=0)
    renderer.event(vertex("a", 0))
    with stream.written:
        renderer.event(log("a", "second\n"))
        assert stream.written.wait_for(lambda: "second" in stream.getvalue(), timeout=10)
    renderer.close(None)


def test_the_rest_and_the_warnings_are_printed_at_the_end() -> None:
    stream = io.StringIO()
    renderer = PlainRenderer(stream, verbosity=0)
    for event in (vertex("a", 0), warning("a", "bad"), vertex("a", 0, 1)):
        renderer.event(event)
    renderer.close(None)
    renderer.close(None)
    renderer.event(vertex("late", 0))

    assert stream.getvalue().endswith("#1 DONE 1.0s\n\n 1 warning found (-v explains them):\n - bad\n")


def test_where_progress_is_lost_the_warnings_are_not_counted_as_all() -> None:
    stream = io.StringIO()
    renderer = PlainRenderer(stream, verbosity=0)
    renderer.event(warning("a", "bad"))
    renderer.event(Notice(level="warning", text="progress ended early", reason="progress-lost"))
    renderer.close(None)

    assert stream.getvalue() == (
        "warmroute: progress ended early\n\n at least 1 warning found (-v explains them):\n - bad\n"
    )


def test_notices_are_printed_as_they_come() -> None:
    stream = io.StringIO()
    renderer = PlainRenderer(stream, verbosity=0)
    renderer.event(Notice(level="verbose", text="key app"))
    renderer.event(Notice(level="info", text="trying b\x1b[2J\nas a is silent"))

    assert stream.getvalue() == "warmroute: trying b\nwarmroute: as a is silent\n"
    renderer.close(None)


def test_verbose_notices_are_printed_for_those_who_ask() -> None:
    stream = io.StringIO()
    renderer = PlainRenderer(stream, verbosity=1)
    renderer.event(Notice(level="verbose", text="key app"))
    renderer.close(None)

    assert stream.getvalue() == "warmroute: key app\n"


def test_a_further_attempt_is_told_and_the_first_is_not() -> None:
    stream = io.StringIO()
    renderer = PlainRenderer(stream, verbosity=1)
    renderer.event(Attempt(number=1, daemon="a", address=parse_address("tcp://a.test:1234")))
    renderer.event(Attempt(number=2, daemon="b", address=parse_address("tcp://b.test:1234"), reason="lost a"))
    renderer.close(None)

    assert stream.getvalue() == "warmroute: lost a; retrying on b (attempt 2)\n"


def test_the_first_line_says_where_the_build_is_and_the_last_where_it_was() -> None:
    stream = io.StringIO()
    place = Place(number=2, home="a", reason="busy")
    renderer = PlainRenderer(stream, verbosity=0)
    renderer.event(Attempt(number=1, daemon="b", address=parse_address("tcp://b.test:1234"), place=place))
    renderer.event(vertex("one", 0))
    renderer.event(vertex("one", 0, 1))
    renderer.close(
        None,
        BuildResult(
            daemon="b", address=parse_address("tcp://b.test:1234"), ref="r", place=place, steps=4, cached=3
        ),
    )

    assert stream.getvalue().splitlines()[:3] == ["#0 building on b (2nd choice; home a: busy)", "", "#1 one"]
    assert stream.getvalue().splitlines()[-2] == ""
    assert re.fullmatch(
        r"warmroute: built on b \(2nd choice\): 3 of 4 steps cached, \d+\.\d s",
        stream.getvalue().splitlines()[-1],
    )


def test_a_daemon_that_never_had_the_build_is_not_said_to() -> None:
    stream = io.StringIO()
    renderer = PlainRenderer(stream, verbosity=0)
    renderer.event(Attempt(number=1, daemon="a", address=parse_address("tcp://a.test:1234")))
    renderer.event(Attempt(number=1, daemon="b", address=parse_address("tcp://b.test:1234")))
    renderer.event(vertex("one", 0))
    renderer.close(RuntimeError())

    assert re.findall("#0 .*", stream.getvalue()) == ["#0 building on b (home)"]


def test_a_reader_that_goes_away_does_not_fail_the_build() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        renderer = PlainRenderer(stream, verbosity=0)
        renderer.event(Notice(level="info", text="nobody reads this"))
        renderer.event(vertex("a", 0, 1))
        renderer.close(None)


def test_a_nonblocking_pipe_gets_everything() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    received = bytearray()

    def read() -> None:
        while piece := os.read(reading, 65536):
            received.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(writing, "w") as stream:
        renderer = PlainRenderer(stream, verbosity=0)
        renderer.event(vertex("a", 0))
        renderer.event(log("a", "x" * 1_000_000 + "\n"))
        renderer.close(None)
    reader.join()
    os.close(reading)

    assert received.decode() == f"#1 a\n#1 0.000 {'x' * 1_000_000}\n"
