"""Which command is meant."""

from __future__ import annotations

import re

import pytest

from cli.lookup import as_asked, before_command, named, no_such
from cli.main import PROGRAM
from cli.other_commands import INSTEAD

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
    assert "docs/" not in INSTEAD[name]  # whoever installed the program has no such files
    for command in re.findall(r"warmroute ((?:fleet |history )?[a-z]+)", INSTEAD[name]):
        assert command in PROGRAM.commands


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        (
            "-D build .",
            "no such option: -D",
            r"use --verbose \(.*\); options come .*: p build",
        ),
        (
            "--debug ls",
            "no such option: --debug",
            r"use --verbose \(.*; options come .*: p ls",
        ),
        ("--builder x build .", "no such option: --builder", r"use --addr \(there are no builders.*p build"),
        ("--builder=x debug info", "no such option: --builder", r"use --addr \(.*: p debug info"),
        ("--addr tcp://h:1 build .", "--addr stands before the command", "behind it: p build --addr"),
        ("--squash build .", "no such option: --squash", "warmroute has no --squash: .*"),
        ("--frob build .", "no such option: --frob", "the commands are build, where, .*"),
        ("--frob", "no such option: --frob", "the commands are build, where, .*"),
    ],
)
def test_an_option_before_the_command_is_told_where_it_belongs(line: str, error: str, hint: str) -> None:
    found = before_command("p", COMMANDS, line.split(), lambda _: {"--addr", "--verbose"})

    assert str(found) == error
    assert re.search(hint, found.hint or "")


def test_only_what_is_no_command_is_done_otherwise() -> None:
    assert not INSTEAD.keys() & PROGRAM.commands.keys()
