"""Which command is meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.lookup import as_asked, named, no_such
from cli.main import PROGRAM
from cli.other_commands import INSTEAD

ROOT = Path(__file__).parents[3]

COMMANDS = ("build", "where", "ls", "version", "debug info", "debug workers")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--version"], ["version"]),
        (["-V"], ["version"]),
        (["help"], ["--help"]),
        (["help", "build"], ["build", "--help"]),
        (["help", "debug", "info"], ["debug", "info", "--help"]),
        (["build", "help"], ["build", "help"]),
        (["build", "--version"], ["build", "--version"]),
        ([], []),
    ],
)
def test_what_other_programs_take_is_understood(words: list[str], meant: list[str]) -> None:
    assert list(as_asked(COMMANDS, words)) == meant


def test_a_program_without_such_a_command_says_so() -> None:
    assert as_asked(("build",), ["--version"]) == ["--version"]


def test_a_group_has_commands_of_two_words() -> None:
    assert named(COMMANDS, ["debug", "info", "x"]) == ("debug info", ["x"])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("biuld", "did you mean build? the commands are build, where, ls, version, debug; see p --help"),
        ("debug inf", "did you mean info? the commands are info, workers; see p debug --help"),
        ("frob", "the commands are build, where, ls, version, debug; see p --help"),
        ("--verion", "the commands are build, where, ls, version, debug; see p --help"),
    ],
)
def test_a_near_miss_is_named(name: str, hint: str) -> None:
    assert no_such("p", COMMANDS, name).hint == hint


@pytest.mark.parametrize("name", INSTEAD)
def test_a_command_of_buildx_is_told_what_to_do_instead(name: str) -> None:
    error = no_such("warmroute", PROGRAM.commands, name)

    assert (str(error), error.hint) == (f"no such command: {name}", INSTEAD[name])
    for page in re.findall(r"docs/\S+\.md", error.hint or ""):
        assert (ROOT / page).is_file()


def test_only_what_is_no_command_is_done_otherwise() -> None:
    assert not INSTEAD.keys() & PROGRAM.commands.keys()
