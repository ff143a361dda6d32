"""What redrawing leaves on a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cli.render.layout import Line
from cli.render.screen import Screen
from tests.unit.cli.render.terminal import Terminal

COLUMNS, ROWS = 12, 6
BLOCKS = st.lists(st.text("abc ", min_size=1, max_size=COLUMNS - 1).map(Line), max_size=ROWS - 1)
NOTICES = st.lists(st.text("xyz", min_size=1, max_size=30).map(Line), max_size=3)


def wrapped(lines: list[Line]) -> list[str]:
    """How lines of any length stand on the terminal."""
    return [
        line.text[start : start + COLUMNS] for line in lines for start in range(0, len(line.text), COLUMNS)
    ]


@given(st.lists(st.tuples(BLOCKS, NOTICES)))
def test_only_the_notices_and_the_last_block_are_left(frames: list[tuple[list[Line], list[Line]]]) -> None:
    terminal, screen = Terminal(COLUMNS, ROWS), Screen({"": "\x1b[34m"})
    kept: list[Line] = []
    block: list[Line] = []
    for block, notices in frames:
        kept += notices
        terminal.feed(screen.draw(block, above=notices, columns=COLUMNS))
        assert terminal.cursor_visible

    expected = wrapped(kept) + [line.text.rstrip() for line in block]
    while expected and not expected[-1]:
        expected.pop()
    assert terminal.everything() == expected


def test_a_frame_that_changes_nothing_writes_nothing() -> None:
    screen = Screen({})
    screen.draw([Line("a")], columns=80)

    assert screen.draw([Line("a")], columns=80) == ""


def test_a_block_that_wrapped_on_a_narrower_terminal_is_replaced_whole() -> None:
    screen = Screen({})
    screen.draw([Line("x" * 25), Line("y")], columns=30)

    assert screen.draw([Line("z")], columns=10).startswith("\x1b[?25l\r\x1b[4A")


def test_a_style_is_painted_with_its_colour() -> None:
    screen = Screen({"error": "\x1b[31m"})

    assert "\x1b[31mbad\x1b[0m\x1b[K\n" in screen.draw([Line("bad", "error")], columns=80)
