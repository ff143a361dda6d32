"""Every option of every program: its variable, its place in the help, one meaning everywhere."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator

import pytest

from cli import build_options, options
from cli.command_line import arguments_of
from cli.docker_builder import builder_program
from cli.exit_codes import exit_codes_text
from cli.groups import Option, OptionGroup, variable
from cli.legacy import BUILDKIT_BUILD, SKAFFOLD_BUILDKIT_WRAPPER
from cli.main import PROGRAM
from cli.parameters import Parameter, parameters_of
from cli.program import Program, load
from cli.typer_app import typer_app
from router.errors import UsageError

DOCKER_BUILD = builder_program(PROGRAM, "warmroutebuilder")
PROGRAMS = (PROGRAM, SKAFFOLD_BUILDKIT_WRAPPER, BUILDKIT_BUILD, DOCKER_BUILD)


def _options() -> Iterator[tuple[Program, str, Parameter, Option]]:
    for program in PROGRAMS:
        for command in program.commands:
            for parameter in parameters_of(load(program, command)):
                if isinstance(parameter.declared, Option):
                    yield program, command, parameter, parameter.declared


OPTIONS = [pytest.param(*found, id=f"{found[0].name}-{found[1]}{found[3].names[0]}") for found in _options()]


@pytest.mark.parametrize(("program", "command", "parameter", "option"), OPTIONS)
def test_an_option_can_come_from_a_variable(
    program: Program, command: str, parameter: Parameter, option: Option
) -> None:
    text, value = _sample(parameter)

    values = arguments_of(_without_arguments(program, command), [], {variable(option): text})

    assert values[parameter.name] == value
    assert re.fullmatch(r"(WARMROUTE|BUILDKIT)_[A-Z_]+", variable(option))


@pytest.mark.parametrize(("program", "command", "parameter", "option"), OPTIONS)
def test_the_command_line_wins_over_the_variable(
    program: Program, command: str, parameter: Parameter, option: Option
) -> None:
    text, value = _sample(parameter)
    wrong = {"list": "other", "text": "other"}.get(parameter.kind, "no value of this kind")
    word = f"{option.names[0]}={text}"

    values = arguments_of(_without_arguments(program, command), [word], {variable(option): wrong})

    assert values[parameter.name] == value


@pytest.mark.parametrize(("program", "command", "parameter", "option"), OPTIONS)
def test_an_option_given_empty_is_not_given_or_wrong(
    program: Program, command: str, parameter: Parameter, option: Option
) -> None:
    def read() -> object:
        words = [f"{option.names[0]}="]
        return arguments_of(_without_arguments(program, command), words, {})[parameter.name]

    if option.refuses_empty or parameter.kind in {"flag", "count"}:
        with pytest.raises(UsageError, match=f'invalid {option.names[0]} ""'):
            read()
    else:
        assert read() in (parameter.default, [])


def test_the_groups_that_builds_read_have_no_texts_to_compile() -> None:
    groups = [*vars(build_options).values(), *vars(options).values()]
    hints = {
        f"{group.__name__}.{name}": hint
        for group in groups
        if isinstance(group, type) and issubclass(group, OptionGroup) and group is not OptionGroup
        for name, hint in group.__annotations__.items()
    }

    assert len(hints) > 70
    assert [name for name, hint in hints.items() if isinstance(hint, str)] == []


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_an_option_means_the_same_in_every_command(program: Program) -> None:
    meanings: dict[str, set[Option]] = {}
    for of, _, _, option in _options():
        if of is program:
            for name in (*option.names, *option.aliases):
                meanings.setdefault(name, set()).add(option)

    # buildx's names for two flags each: --file of a build and of a bake, --force of a prune, all records and
    # all builds, --print and --allow of a bake. --file and --platform of imagetools create say what an image
    # is made of, not how it is built. The --format of stats has one more program to write for.
    several = {name for name, found in meanings.items() if len(found) > 1}
    assert several <= {"-f", "--file", "--all", "--allow", "--print", "--format", "--platform"}


@pytest.mark.parametrize(
    ("program", "command"),
    [
        pytest.param(program, command, id=f"{program.name} {command}")
        for program in PROGRAMS
        for command in program.commands
    ],
)
def test_the_help_tells_of_every_option_and_of_the_exit_codes(
    program: Program, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    told = _help(program, command)

    for of, name, parameter, option in _options():
        if (of, name) == (program, command):
            names = (*option.names, *option.aliases, *parameter.choices)
            assert [part for part in names if part not in told] == []
            assert option.help[:12] in told
    assert "WARMROUTE_BUILD_ARG" in told
    assert exit_codes_text(load(program, command)) in " ".join(told.split())


def test_build_has_what_the_old_wrapper_took() -> None:
    known = {
        name
        for program, command, _, option in _options()
        if (program, command) == (PROGRAM, "build")
        for name in (*option.names, *option.aliases)
    }

    old = {"--cli", "--kube-pod-selector", "--kube-pod-balancing-hash-key", "--addr", "--file", "--secret"}
    assert old | {"--build-arg"} <= known


def _without_arguments(program: Program, command: str) -> list[Parameter]:
    return [p for p in parameters_of(load(program, command)) if isinstance(p.declared, Option)]


def _sample(parameter: Parameter) -> tuple[str, object]:
    samples: dict[str, tuple[str, object]] = {
        "flag": ("true", True),
        "count": ("3", 3),
        "list": ("id=a,src=b", ["id=a,src=b"]),
        "number": ("1.5", 1.5),
        "text": ("some text", "some text"),
    }
    if parameter.kind == "choice":
        return parameter.choices[-1], parameter.choices[-1]
    return samples[parameter.kind]


def _help(program: Program, command: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.suppress(SystemExit):
        commands = {name: load(program, name) for name in program.commands}
        app = typer_app(program.name, program.summary, commands)
        app(args=[*command.split(), "--help"], prog_name=program.name)
    return told.getvalue()
