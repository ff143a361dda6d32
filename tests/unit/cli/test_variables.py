"""Variables that nobody knows, and errors about what came from one."""

from __future__ import annotations

import pytest

from cli.command_line import arguments_of
from cli.groups import Option
from cli.main import PROGRAM
from cli.parameters import parameters_of
from cli.program import load
from cli.variables import unknown_variables, with_sources
from router.errors import UsageError

BUILD = parameters_of(load(PROGRAM, "build"))


def unknown(*names: str) -> list[str]:
    return list(unknown_variables(names, [load(PROGRAM, name) for name in PROGRAM.commands]))


def test_a_misspelt_variable_is_told_with_the_nearest() -> None:
    assert unknown("WARMROUTE_SELCTOR") == [
        "the variable WARMROUTE_SELCTOR is unknown: did you mean WARMROUTE_SELECTOR?"
    ]


def test_a_variable_that_is_like_none_is_told_too() -> None:
    assert unknown("WARMROUTE_XYZZY") == [
        "the variable WARMROUTE_XYZZY is unknown: no option has this variable"
    ]


@pytest.mark.parametrize("name", ["WARMROUTE_WAIT_IDLE", "WARMROUTE_FORMAT", "WARMROUTE_POD_PORT"])
def test_the_variables_of_all_commands_are_known(name: str) -> None:
    assert unknown(name) == []


@pytest.mark.parametrize(
    "name",
    [
        "WARMROUTE_SERVICE_HOST",
        "WARMROUTE_SERVICE_PORT",
        "WARMROUTE_SERVICE_PORT_GRPC",
        "WARMROUTE_PORT",
        "WARMROUTE_PORT_1234_TCP",
        "WARMROUTE_PORT_1234_TCP_ADDR",
        "WARMROUTE_FLEET_SERVICE_HOST",
    ],
)
def test_what_kubernetes_says_of_a_service_of_that_name_is_no_mistake(name: str) -> None:
    assert unknown(name) == []


EXCLUSIVE = [
    ("--addr=tcp://h:1", "WARMROUTE_SELECTOR", "app=x", "selector"),
    ("--selector=app=x", "WARMROUTE_ADDR", "tcp://h:1", "addr"),
    ("--addr=tcp://h:1", "WARMROUTE_IDENTITY", "node", "identity"),
    ("--tls-ca=ca", "WARMROUTE_TLS_DIR", "dir", "tls_dir"),
    ("--tls-dir=dir", "WARMROUTE_TLS_CA", "ca", "tls_ca"),
    ("--tls-dir=dir", "WARMROUTE_TLS_CERT", "cert", "tls_cert"),
    ("--tls-dir=dir", "WARMROUTE_TLS_KEY", "key", "tls_key"),
    ("--progress=plain", "WARMROUTE_QUIET", "1", "quiet"),
    ("--call=outline", "WARMROUTE_CHECK", "1", "check"),
    ("--llb=llb", "WARMROUTE_FILE", "Dockerfile", "file"),
    ("--frontend=gateway.v0", "WARMROUTE_FILE", "Dockerfile", "file"),
    ("--file=Dockerfile", "WARMROUTE_LLB", "llb", "llb"),
    ("--file=Dockerfile", "WARMROUTE_FRONTEND", "gateway.v0", "frontend"),
]


@pytest.mark.parametrize(("word", "name", "text", "parameter"), EXCLUSIVE)
def test_the_command_line_wins_over_the_variable_of_an_option_that_it_excludes(
    word: str, name: str, text: str, parameter: str
) -> None:
    (default,) = (each.default for each in BUILD if each.name == parameter)

    assert arguments_of(BUILD, [word], {name: text})[parameter] == default
    assert arguments_of(BUILD, [], {name: text})[parameter] != default


def test_an_empty_option_excludes_no_variable() -> None:
    assert arguments_of(BUILD, ["--addr="], {"WARMROUTE_SELECTOR": "app=x"})["selector"] == "app=x"


def test_what_outranks_an_option_is_an_option() -> None:
    names = {each.declared.names[0] for each in BUILD if isinstance(each.declared, Option)}

    outranking = {
        name for each in BUILD if isinstance(each.declared, Option) for name in each.declared.outranked_by
    }
    assert outranking
    assert outranking <= names


def test_an_error_about_an_option_names_the_variable_that_it_comes_from() -> None:
    error = UsageError("--addr and --selector exclude each other", hint="leave out one of them")
    variables = {"WARMROUTE_ADDR": "tcp://h:1", "WARMROUTE_SELECTOR": "app=x", "WARMROUTE_TAG": "a"}

    with_sources(error, BUILD, arguments_of(BUILD, [], variables))

    assert error.hint == (
        "leave out one of them; --selector comes from the variable WARMROUTE_SELECTOR;"
        " --addr comes from the variable WARMROUTE_ADDR"
    )


def test_an_error_about_the_command_line_names_no_variable() -> None:
    arguments = arguments_of(BUILD, ["--queue=5"], {"WARMROUTE_QUEUE": "2m"})

    error = with_sources(UsageError('invalid --queue "5"'), BUILD, arguments)

    assert error.hint is None
