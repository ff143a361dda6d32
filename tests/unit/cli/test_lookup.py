"""Which command is meant."""

from __future__ import annotations

import pytest

from cli.lookup import as_asked, named, no_such

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
