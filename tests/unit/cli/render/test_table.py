"""Tables, and what they leave out on a narrow terminal."""

from __future__ import annotations

from cli.render.table import table

HEADER = ("NAME", "ADDRESS", "STATE")
ROWS = [("one", "tcp://one.example.com:1234", "ready"), ("two", "", "not\x1b[2Jready")]
WHOLE = [
    "NAME  ADDRESS                     STATE",
    "one   tcp://one.example.com:1234  ready",
    "two   -                           notready",
]


def test_columns_are_as_wide_as_their_cells() -> None:
    assert table(HEADER, ROWS).splitlines() == WHOLE


def test_a_terminal_with_room_shows_all_of_it() -> None:
    assert table(HEADER, ROWS, room=len(WHOLE[2])).splitlines() == WHOLE


def test_a_narrow_terminal_goes_without_addresses() -> None:
    assert table(HEADER, ROWS, room=len(WHOLE[2]) - 1).splitlines() == [
        "NAME  STATE",
        "one   ready",
        "two   notready",
    ]


def test_what_has_no_addresses_is_printed_whole_on_any_terminal() -> None:
    assert table(("NAME", "STATE"), [("one", "ready")], room=3).splitlines() == ["NAME  STATE", "one   ready"]


def test_columns_are_spared_one_after_the_other_until_the_rest_fits() -> None:
    header, rows = ("NAME", "SHARED", "PRIVATE"), [("one", "12", "34")]

    assert table(header, rows, room=15, spared=("PRIVATE", "SHARED")).splitlines() == [
        "NAME  SHARED",
        "one   12",
    ]
    assert table(header, rows, room=3, spared=("PRIVATE", "SHARED")).splitlines() == ["NAME", "one"]
