"""Colours and the variables that change them."""

from __future__ import annotations

import pytest

from cli.render.colors import paint, read_palette


def test_colours_are_buildkits_unless_told() -> None:
    assert read_palette({}) == {
        "run": "\x1b[34m",
        "cancel": "\x1b[33m",
        "error": "\x1b[31m",
        "warning": "\x1b[33m",
        "log": "\x1b[2m",
    }


@pytest.mark.parametrize(
    ("value", "style", "sequence"),
    [
        ("run=green", "run", "\x1b[32m"),
        ("RUN=Light-Blue", "run", "\x1b[94m"),
        ("run=green:error=255,0,0", "error", "\x1b[38;5;196m"),
        ("cancel=0,0,0", "cancel", "\x1b[38;5;16m"),
        ("warning=default", "warning", "\x1b[39m"),
    ],
)
def test_buildkit_colors_changes_a_colour(value: str, style: str, sequence: str) -> None:
    assert read_palette({"BUILDKIT_COLORS": value})[style] == sequence


@pytest.mark.parametrize(
    "value",
    ["run", "run=", "run=pink", "run=1,2", "run=1,2,256", "run=²,0,0", "log=red", "other=red", "::", "="],
)
def test_what_can_not_be_read_changes_nothing(value: str) -> None:
    assert read_palette({"BUILDKIT_COLORS": value}) == read_palette({})


def test_no_color_turns_all_of_it_off() -> None:
    assert read_palette({"NO_COLOR": "1", "BUILDKIT_COLORS": "run=green"}) == {}


def test_an_empty_no_color_turns_nothing_off() -> None:
    assert read_palette({"NO_COLOR": ""}) == read_palette({})


def test_without_a_colour_text_stays_as_it_is() -> None:
    assert paint("text", "error", {}) == "text"
