"""The exit codes that the help of a command lists are those that it can return."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.docker_builder import builder_program
from cli.exit_codes import EXIT_CODES, exit_codes
from cli.groups import Option
from cli.legacy import BUILDKIT_BUILD, SKAFFOLD_BUILDKIT_WRAPPER
from cli.main import PROGRAM
from cli.parameters import parameters_of
from cli.program import Program, load

_PROGRAMS = (PROGRAM, SKAFFOLD_BUILDKIT_WRAPPER, BUILDKIT_BUILD, builder_program(PROGRAM, "warmroutebuilder"))
_COMMANDS = [
    pytest.param(program, command, id=f"{program.name} {command}")
    for program in _PROGRAMS
    for command in program.commands
]
_RESULTS = Path(__file__).parents[3] / "docs" / "reference" / "results.md"

# They take options of a build only to show them, and make a finding of what can't be reached.
_REACHES_NOTHING = {"config show", "doctor"}
_LEADS_AWAY = {"--addr", "--kube-context", "--buildkit-addr", "--registry-auth-tlscontext", "--register"}


def _options(program: Program, command: str) -> set[str]:
    declared = (each.declared for each in parameters_of(load(program, command)))
    return {name for each in declared if isinstance(each, Option) for name in each.names}


@pytest.mark.parametrize(("program", "command"), _COMMANDS)
def test_a_code_that_takes_an_option_is_listed_where_that_option_is(program: Program, command: str) -> None:
    codes, options = exit_codes(load(program, command)), _options(program, command)
    has_effect = command != "config show"

    assert (3 in codes) == ("--require-warm" in options and has_effect)
    assert (124 in codes) == ("--timeout" in options and has_effect)


@pytest.mark.parametrize(("program", "command"), _COMMANDS)
def test_unreachable_is_listed_where_something_is_connected_to(program: Program, command: str) -> None:
    leads_away = bool(_LEADS_AWAY & _options(program, command)) and command not in _REACHES_NOTHING

    assert (69 in exit_codes(load(program, command))) == leads_away


def test_codes_are_declared_for_commands_that_there_are() -> None:
    modules = {
        place.partition(":")[0].removeprefix("cli.commands.")
        for program in _PROGRAMS
        for place in program.commands.values()
    }

    assert EXIT_CODES.keys() == modules


def test_every_code_is_documented() -> None:
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", _RESULTS.read_text(), flags=re.MULTILINE)}
    declared = {code for program in _PROGRAMS for name in program.commands for code in _codes(program, name)}

    assert declared <= documented


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("doctor", "--addr", "tcp://127.0.0.1:1"), 1, id="a silent daemon is a finding"),
        pytest.param(("ls", "--addr", "tcp://127.0.0.1:1"), 69, id="a silent daemon is none to list"),
        pytest.param(("where", "--addr", "tcp://127.0.0.1:1", "app"), 0, id="no daemon is asked"),
        pytest.param(("imagetools", "inspect", "127.0.0.1:1/app"), 69, id="a silent registry"),
        pytest.param(("exec", "--addr", "tcp://127.0.0.1:1", "--", "true"), 69, id="no daemon to run it for"),
        pytest.param(("drain-check", "--addr", "tcp://127.0.0.1:1"), 69, id="a daemon that can't tell"),
    ],
)
def test_a_code_that_is_returned_is_listed(words: tuple[str, ...], code: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import run; run()", *words],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[3])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    name = " ".join(words[:2]) if words[0] == "imagetools" else words[0]

    assert done.returncode == code, done.stderr
    assert code in _codes(PROGRAM, name)


def _codes(program: Program, command: str) -> set[int]:
    return set(exit_codes(load(program, command)))
