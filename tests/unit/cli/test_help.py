"""What --help prints on a terminal of 80 columns."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cli.command_line import arguments_of
from cli.examples import EXAMPLES
from cli.groups import Option
from cli.legacy import BUILDKIT_BUILD, SKAFFOLD_BUILDKIT_WRAPPER
from cli.main import PROGRAM
from cli.parameters import parameters_of
from cli.program import Program, load

_COMMANDS = [
    (program, name)
    for program in (PROGRAM, SKAFFOLD_BUILDKIT_WRAPPER, BUILDKIT_BUILD)
    for name in program.commands
]


_REFERENCE = Path(__file__).parents[3] / "docs/reference/cli.md"


def _help(program: Program, name: str) -> str:
    command = [str(Path(sys.executable).with_name(program.name)), *name.split(), "--help"]
    environment = {"COLUMNS": "80", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.parametrize(("program", "name"), _COMMANDS, ids=lambda value: str(getattr(value, "name", value)))
def test_no_name_of_an_option_is_cut(program: Program, name: str) -> None:
    text = _help(program, name)

    declared = [parameter.declared for parameter in parameters_of(load(program, name))]
    names = {name for option in declared if isinstance(option, Option) for name in option.names}
    assert {name for name in names if name not in text} == set()
    assert "…" not in text


@pytest.mark.parametrize(("program", "name"), _COMMANDS, ids=lambda value: str(getattr(value, "name", value)))
def test_the_usage_is_that_of_the_reference(program: Program, name: str) -> None:
    lines = _help(program, name).splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip().startswith("Usage: "))
    rest = next(number for number, line in enumerate(lines[first:], first) if not line.strip())
    usage = " ".join(" ".join(lines[first:rest]).split()).removeprefix("Usage: ")

    assert f"\n`{usage}`\n" in _REFERENCE.read_text(encoding="utf-8")


def test_the_help_of_a_build_begins_with_examples_a_line_each() -> None:
    lines = [line.strip() for line in _help(PROGRAM, "build").splitlines()]

    first, *_ = (number for number, line in enumerate(lines) if line.startswith("╭"))
    assert [line for line in lines[:first] if line][2:] == list(EXAMPLES["warmroute build"])


@pytest.mark.parametrize("command", [(name, line) for name, lines in EXAMPLES.items() for line in lines])
def test_an_example_is_a_command_line_that_is_understood(command: tuple[str, str]) -> None:
    name, line = command
    words = shlex.split(line)
    prefix = name.split()

    assert words[: len(prefix)] == prefix
    parameters = parameters_of(load(PROGRAM, name.partition(" ")[2]))
    assert arguments_of(parameters, words[len(prefix) :], {})
