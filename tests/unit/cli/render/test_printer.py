"""The plain display's lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.printer import PlainPrinter
from router.model.events import SolveStatus
from tests.unit.cli.render.events import RECORDINGS, log, recording, transfer, vertex, warning


def printed(*messages: SolveStatus) -> str:
    """What is printed when the display is refreshed after each message, a tenth of a second apart."""
    printer = PlainPrinter()
    text = ""
    for tick, message in enumerate(messages):
        printer.apply(message, tick / 10)
        text += printer.take(tick / 10)
    return text


@pytest.mark.parametrize("name", ["linear", "failing"])
def test_a_recorded_build_prints_what_buildctl_printed(name: str) -> None:
    printer, text, last = PlainPrinter(), "", -1.0
    for seconds, status in recording(name):
        printer.apply(status, seconds)
        if seconds - last >= 0.1:
            text, last = text + printer.take(seconds), seconds
    text += printer.take(last + 1)

    with (RECORDINGS / f"{name}.txt").open(newline="", encoding="utf-8") as file:
        assert text == file.read()


@pytest.mark.parametrize(
    ("ending", "line"),
    [
        (vertex("a", 0, 1.26), "DONE 1.3s"),
        (vertex("a", 0, 0, cached=True), "CACHED"),
        (vertex("a", 0, 1, error="exit code: 1"), "ERROR: exit code: 1"),
        (vertex("a", 0, 1, error="rpc: context canceled"), "CANCELED"),
    ],
)
def test_a_step_ends_with_what_became_of_it(ending: SolveStatus, line: str) -> None:
    assert printed(ending) == f"#1 a\n#1 {line}\n"


def test_steps_are_numbered_as_they_are_printed_and_set_apart() -> None:
    assert printed(vertex("b"), vertex("a", 0, 1), vertex("b", 1, 2)) == (
        "#1 a\n#1 DONE 1.0s\n\n#2 b\n#2 DONE 1.0s\n"
    )


def test_a_step_that_takes_the_place_of_another_says_so() -> None:
    assert printed(vertex("a", 0), vertex("b", 0, 1), vertex("a", 0, 2)) == (
        "#1 a\n#1 ...\n\n#2 b\n#2 DONE 1.0s\n\n#1 a\n#1 DONE 2.0s\n"
    )


def test_a_log_line_carries_the_time_since_its_step_began() -> None:
    assert printed(vertex("a", 1), log("a", "hello\nworld\n", 1.5), log("a", "late\n", 12)) == (
        "#1 a\n#1 0.500 hello\n#1 0.500 world\n#1 11.00 late\n"
    )


def test_a_line_that_is_not_finished_goes_on_where_it_was() -> None:
    assert printed(vertex("a", 0), log("a", "par"), log("a", "tial"), log("a", "!\n")) == (
        "#1 a\n#1 0.000 partial!\n"
    )


def test_an_unfinished_line_is_ended_before_another_step_is_printed() -> None:
    assert printed(vertex("a", 0), log("a", "par"), vertex("b", 0, 1), log("a", "tial\n")) == (
        "#1 a\n#1 0.000 par\n#1 ...\n\n#2 b\n#2 DONE 1.0s\n\n#1 a\n#1 0.000 partial\n"
    )


def test_an_unfinished_line_is_ended_when_its_step_is_done() -> None:
    assert printed(vertex("a", 0), log("a", "no newline"), vertex("a", 0, 1)) == (
        "#1 a\n#1 0.000 no newline\n#1 DONE 1.0s\n"
    )


def test_a_transfer_is_printed_when_it_has_moved_on() -> None:
    text = printed(
        vertex("a", 0),
        transfer("a", "sha256:1", current=0, total=1000),
        transfer("a", "sha256:1", current=10, total=1000, now=1),
        transfer("a", "sha256:1", current=100, total=1000, now=2),
        transfer("a", "sha256:1", current=110, total=1000, now=8),
        transfer("a", "sha256:1", current=1000, total=1000, now=9, stop=9),
    )

    assert text == (
        "#1 a\n#1 sha256:1 0B / 1.00kB\n#1 sha256:1 100B / 1.00kB 2.0s\n"
        "#1 sha256:1 110B / 1.00kB 8.0s\n#1 sha256:1 1.00kB / 1.00kB 9.0s done\n"
    )


def test_a_short_transfer_of_unknown_size_is_one_line() -> None:
    assert printed(vertex("a", 0), transfer("a", "transferring dockerfile:", current=31, stop=0)) == (
        "#1 a\n#1 transferring dockerfile: 31B done\n"
    )


def test_a_step_is_not_done_before_its_transfers_are() -> None:
    printer = PlainPrinter()
    printer.apply(transfer("a", "t", current=1), 0)
    printer.apply(vertex("a", 0, 1), 0)
    printer.apply(transfer("a", "t", current=1), 0)

    assert printer.take(0) == "#1 a\n#1 t 1B\n"


def test_a_warning_is_printed_with_its_step() -> None:
    printer = PlainPrinter()
    printer.apply(vertex("a", 0, 1), 0)
    printer.apply(warning("a", "JSONArgsRecommended: use JSON"), 0)

    assert printer.take(0) == "#1 a\n#1 WARN: JSONArgsRecommended: use JSON\n#1 DONE 1.0s\n"


def test_a_notice_stands_on_a_line_of_its_own() -> None:
    printer = PlainPrinter()
    printer.apply(vertex("a", 0), 0)
    printer.apply(log("a", "par"), 0)
    text = printer.take(0)
    printer.notice("warmroute: trying b")
    printer.apply(log("a", "tial\n"), 0.1)

    assert text + printer.take(0.1) == ("#1 a\n#1 0.000 par\nwarmroute: trying b\n#1 0.000 partial\n")


def test_the_current_step_keeps_its_place_for_some_seconds() -> None:
    printer = PlainPrinter()
    for name in ("a", "b"):
        printer.apply(vertex(name, 0), 0)
    assert printer.take(0) == "#1 a\n"

    for tick in range(10, 40):
        printer.apply(log("b", "b\n", tick / 10), tick / 10)
        assert printer.take(tick / 10) == ""


def test_a_step_that_waits_for_long_is_shown() -> None:
    printer = PlainPrinter()
    for name in ("a", "b"):
        printer.apply(vertex(name, 0), 0)
    printer.take(0)
    printer.apply(log("b", "waited\n", 0.5), 0.5)

    text = ""
    for tick in range(1, 120):
        printer.apply(log("a", "a\n" * 10, tick / 10), tick / 10)
        text += printer.take(tick / 10)

    assert "\n#1 ...\n\n#2 b\n#2 0.500 waited\n" in text


def test_a_step_that_waits_with_much_is_shown_before_it_fills_the_memory() -> None:
    printer = PlainPrinter()
    for name in ("a", "b"):
        printer.apply(vertex(name, 0), 0)
    printer.take(0)

    printer.apply(log("b", "x" * 2_000_000 + "\n"), 0.1)

    assert printer.take(0.1).startswith("#1 ...\n\n#2 b\n#2 0.000 xxx")


NAMES = st.sampled_from("abc")
MESSAGES = st.one_of(
    st.builds(vertex, NAMES, st.integers(0, 3), st.none() | st.integers(3, 5)),
    st.builds(log, NAMES, st.sampled_from(["line\n", "par", "tial\nx", "\n"])),
    st.builds(lambda name, current: transfer(name, f"{name}:t", current=current), NAMES, st.integers(0, 9)),
)


@given(st.lists(st.tuples(MESSAGES, st.booleans())))
def test_every_line_names_its_step(messages: list[tuple[SolveStatus, bool]]) -> None:
    printer = PlainPrinter()
    text = ""
    for tick, (message, looks) in enumerate(messages):
        printer.apply(message, tick)
        text += printer.take(tick) if looks else ""
    text += printer.take(len(messages))

    headings: dict[str, str] = {}
    for block in filter(None, text.split("\n\n")):
        heading, *lines = block.rstrip("\n").split("\n")
        number, name = heading.split(" ")
        assert headings.setdefault(number, name) == name
        assert all(line.startswith(f"{number} ") for line in lines)
