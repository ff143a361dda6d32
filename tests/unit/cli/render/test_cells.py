"""Text as a terminal shows it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.cells import cell_width, fit, pad, printable, rows_of, settle_line


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("漢字", 4), ("e\u0301", 1), ("🎉", 2), ("ﬁ", 1), ("❤\ufe0f", 2), ("\u200b", 0)],
)
def test_the_width_counts_columns(text: str, columns: int) -> None:
    assert cell_width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "fitted"),
    [
        ("abc", 2, "ab"),
        ("abc", 5, "abc"),
        ("漢字", 3, "漢"),
        ("e\u0301x", 1, "e\u0301"),
        ("x", -1, ""),
        ("漢", -1, ""),
    ],
)
def test_text_is_cut_between_characters(text: str, columns: int, fitted: str) -> None:
    assert fit(text, columns) == fitted


@given(st.text(), st.integers(-1, 40))
def test_cut_text_fits_and_is_the_start_of_the_whole(text: str, columns: int) -> None:
    fitted = fit(text, columns)

    assert cell_width(fitted) <= max(columns, 0)
    assert text.startswith(fitted)


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("abcde", 2, ["ab", "cd", "e"]),
        ("漢字x", 3, ["漢", "字x"]),
        ("", 4, []),
        ("a漢", 1, ["a"]),
    ],
)
def test_text_wraps_between_characters(text: str, columns: int, rows: list[str]) -> None:
    assert rows_of(text, columns) == rows


@given(st.text(), st.integers(2, 40))
def test_wrapped_text_is_whole_and_fits(text: str, columns: int) -> None:
    rows = rows_of(text, columns)

    assert "".join(rows) == text
    assert all(cell_width(row) <= columns for row in rows)


@given(st.text(), st.integers(0, 60))
def test_a_padded_line_fills_its_columns_but_for_half_a_wide_character(name: str, columns: int) -> None:
    line = pad(name, "1.0s", columns)

    assert cell_width(line) <= columns
    if columns > len("1.0s"):
        assert cell_width(line) == columns
        assert line.endswith("  1.0s" if columns > 5 else " 1.0s")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("a\tb\nc", "a b c"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bcreset", "reset"),
        ("\x9b31mred", "red"),
        ("bell\x07 del\x7f", "bell del"),
        ("\u202eturned", "turned"),
        ("cut short \x1b[3", "cut short "),
        ("漢字 🎉", "漢字 🎉"),
    ],
)
def test_printable_text_keeps_its_characters_only(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(max_codepoint=0x2100)))
def test_printable_text_has_no_control_characters(text: str) -> None:
    assert not [each for each in printable(text) if unicodedata.category(each) == "Cc"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("10%\r50%\r100%", "100%"),
        ("longer\rshort", "shortr"),
        ("longer\r\x1b[Kshort", "short"),
        ("longer\r\x1b[2Kshort", "short"),
        ("windows\r", "windows"),
        ("abc\b\bX", "aXc"),
        ("a\tb", "a       b"),
        ("\x1b[32mgreen\x1b[0m end", "green end"),
        ("abc\x1b[1Gx", "xbc"),
        ("abc\x1b[2Dx", "axc"),
        ("a\x1b[3Cb", "a   b"),
        ("a\x1b[99999999999999999999Cb", "ab"),
        ("\x1b[2J\x1b[Htop", "top"),
        ("漢" * 10_000, "漢" * 10_000),
        ("x\x1b[9999C\t", "x"),
        ("漢 trailing   ", "漢 trailing"),
    ],
)
def test_a_line_is_shown_as_it_settles(line: str, shown: str) -> None:
    assert settle_line(line) == shown


@given(st.text(st.sampled_from("ab 漢\r\b\t\x1b[0123;?KCDGHJm]\x07\x9b")))
def test_a_settled_line_can_move_nothing(line: str) -> None:
    assert not [each for each in settle_line(line) if unicodedata.category(each) == "Cc"]
