"""What the program says on stderr: one line behind its name, whoever says it and whoever reads it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import cli
from cli.render.output import say, say_lines

_CLI = Path(cli.__file__).parent


def test_a_text_is_one_line_behind_the_programs_name(capfd: pytest.CaptureFixture[str]) -> None:
    say("x: refused\n::error::\x1b[2J")

    assert capfd.readouterr().err == "warmroute: x: refused ::error::\n"


def test_a_text_of_several_lines_is_indented(capfd: pytest.CaptureFixture[str]) -> None:
    say_lines("none answered:\nx: refused\n::error::")

    assert capfd.readouterr().err == "warmroute: none answered:\n  x: refused\n  | ::error::\n"


def test_a_reader_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)

        say("nobody hears this")


def test_a_line_behind_the_programs_name_is_written_in_one_place() -> None:
    writing = [
        f"{path.relative_to(_CLI)}:{number}"
        for path in _CLI.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if "write(" in line and "warmroute: " in line
    ]

    assert writing == [each for each in writing if each.startswith("render/output.py:")] != []
