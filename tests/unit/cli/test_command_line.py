"""Reading a command line: docker's grammar, variables, and the same answers as Typer where both have one."""

from __future__ import annotations

from typing import Literal

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.command_line import HelpWantedError, arguments_of
from cli.groups import Option, OptionGroup, argument, option, variable
from cli.parameters import grouped, parameters_of
from cli.typer_app import as_typer_reads
from router.errors import UsageError


class _Group(OptionGroup, panel="Panel"):
    """Serve as the options of a command."""

    place: str | None = argument("PLACE", default=None, help="")
    names: list[str] | None = option("--name", "-t", default=None, help="")
    file: str = option("--file", "-f", default="", aliases=("--old-file",), help="")
    push: bool | None = option("--push", default=None, off="--no-push", help="")
    quiet: bool = option("--quiet", "-q", default=False, help="")
    loud: int = option("--loud", "-v", default=0, help="")
    mode: Literal["plain", "tty"] = option("--mode", default="plain", help="")
    wait: float = option("--wait", default=2.0, minimum=0.5, help="")
    host: str | None = option("--host", default=None, env="SOME_HOST", help="")
    size: list[str] | None = option("--size", default=None, help="", refuses_empty=True)
    share: float | None = option(
        "--share", default=None, metavar="PERCENT", help="", implied="100", maximum=100
    )
    patience: float = option("--patience", default=10.0, help="", minimum=0.5, seconds=True)
    like: str | None = option("--like", default=None, help="", implied="all")


class _Demanding(OptionGroup):
    """Serve as the options of a command that needs an argument."""

    place: str = argument("PLACE", help="", missing="where to?")


class _Many(OptionGroup):
    """Serve as the options of a command whose argument is a list."""

    names: list[str] | None = option("--name", default=None, help="", panel="Panel")
    places: list[str] | None = argument("P", default=None, help="")


SEEN: list[_Group] = []


def _command(options: _Group) -> None:
    """Serve as a command."""
    SEEN.append(options)


def _demanding(options: _Demanding) -> None:
    """Serve as a command."""


def _many(options: _Many) -> None:
    """Serve as a command."""


def _read(*words: str, **environment: str) -> dict[str, object]:
    """Return what was given, by field, without the fields that kept their defaults."""
    parameters = parameters_of(_command)
    values = arguments_of(parameters, words, environment)
    return {p.path[-1]: values[p.name] for p in parameters if values[p.name] != p.default}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), {}),
        (("here",), {"place": "here"}),
        (("-",), {"place": "-"}),
        (("--", "--name"), {"place": "--name"}),
        (("--name", "a", "--name=b", "-tc", "-t", "d", "-t=e"), {"names": ["a", "b", "c", "d", "e"]}),
        (("--name=A=b c",), {"names": ["A=b c"]}),
        (("--name=", "--name=a", "-t="), {"names": ["a"]}),
        (("--name=", "-t", ""), {}),
        (("--file=", "here"), {"place": "here"}),
        (("-f=", "here"), {"place": "here"}),
        (("--file=a", "--file="), {}),
        (("--file=", "--file=a"), {"file": "a"}),
        (("--mode=", "--wait", "", "--host="), {}),
        (("--file", "-"), {"file": "-"}),
        (("--file", "--odd"), {"file": "--odd"}),
        (("--file", "a", "-f", "b"), {"file": "b"}),
        (("--old-file", "a"), {"file": "a"}),
        (("--push",), {"push": True}),
        (("--no-push",), {"push": False}),
        (("--push", "--no-push"), {"push": False}),
        (("--push=false",), {"push": False}),
        (("--push=true",), {"push": True}),
        (("-q", "here"), {"quiet": True, "place": "here"}),
        (("--quiet=yes",), {"quiet": True}),
        (("-vv", "-v"), {"loud": 3}),
        (("-qvt", "a"), {"quiet": True, "loud": 1, "names": ["a"]}),
        (("-qfa=b",), {"quiet": True, "file": "a=b"}),
        (("--mode", "tty"), {"mode": "tty"}),
        (("--wait", "0.5"), {"wait": 0.5}),
        (("--patience", "5s"), {"patience": 5.0}),
        (("--patience", "1m30s"), {"patience": 90.0}),
        (("--patience=2.5",), {"patience": 2.5}),
        (("--share",), {"share": 100.0}),
        (("--share", "here"), {"share": 100.0, "place": "here"}),
        (("--share", "./90"), {"share": 100.0, "place": "./90"}),
        (("--share", "--", "90"), {"share": 100.0, "place": "90"}),
        (("90", "--share"), {"share": 100.0, "place": "90"}),
        (("--share", "-q"), {"share": 100.0, "quiet": True}),
        (("--share=90", "here"), {"share": 90.0, "place": "here"}),
        (("--share=0",), {"share": 0.0}),
        (("--share", "--share=90"), {"share": 90.0}),
        (("--share=",), {}),
        (("--like", "90"), {"like": "all", "place": "90"}),
    ],
)
def test_a_command_line_gives_values(words: tuple[str, ...], expected: dict[str, object]) -> None:
    assert _read(*words) == expected


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("--nam", "a"), "no such option: --nam", "did you mean --name?"),
        (("--zzzz",), "no such option: --zzzz", None),
        (("-z",), "no such option: -z", None),
        (("--name",), "option --name needs a value", None),
        (("-t",), "option -t needs a value", None),
        (("a", "b"), "unexpected argument: b", None),
        (("--no-push=1",), "--no-push takes no value", "--push=1, or --no-push alone"),
        (("--push=maybe",), 'invalid --push "maybe": it must be true or false', None),
        (("--mode", "loud"), 'invalid --mode "loud": choose one of plain, tty', None),
        (("--wait", "0.1"), 'invalid --wait "0.1": it must be at least 0.5', None),
        (("--wait", "nan"), 'invalid --wait "nan": it must be at least 0.5', None),
        (("--wait", "soon"), 'invalid --wait "soon": it must be a number', None),
        (("--push=",), 'invalid --push "": it must be true or false', None),
        (("--quiet=",), 'invalid --quiet "": it must be true or false', None),
        (("--loud=",), 'invalid --loud "": it must be a number', None),
        (
            ("--share", "90", "here"),
            "--share takes its value behind =, and 90 stands apart",
            "--share=90; as an argument it is ./90",
        ),
        (
            ("--patience=5x",),
            'invalid --patience "5x": a duration is a number with a unit (ms, s, m, h), such as 30s or 1m30s',
            "for example: --patience 10s",
        ),
        (("--patience=100ms",), 'invalid --patience "100ms": it must be at least 0.5 s', None),
        (("--patience=0",), 'invalid --patience "0": it must be at least 0.5 s', None),
        (("--share=all",), 'invalid --share "all": it must be a number', None),
        (("--share=101",), 'invalid --share "101": it must be at most 100', None),
        (("--size=",), 'invalid --size "": it is empty', None),
        (("--size=1", "--size", ""), 'invalid --size "": it is empty', None),
    ],
)
def test_what_cannot_be_read_is_refused(words: tuple[str, ...], message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as refused:
        _read(*words)

    assert (str(refused.value), refused.value.hint) == (message, hint)


def test_a_missing_argument_is_refused() -> None:
    with pytest.raises(UsageError, match="where to"):
        arguments_of(parameters_of(_demanding), [], {})


@pytest.mark.parametrize(
    ("words", "places"),
    [((), None), (("a",), ["a"]), (("a", "--name", "n", "b"), ["a", "b"]), (("--", "-a", "b"), ["-a", "b"])],
)
def test_an_argument_that_is_a_list_takes_all_words(words: tuple[str, ...], places: list[str] | None) -> None:
    assert arguments_of(parameters_of(_many), words, {})["places"] == places


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("-qh",), ("here", "--help")])
def test_help_is_asked_for_by_an_option(words: tuple[str, ...]) -> None:
    with pytest.raises(HelpWantedError):
        _read(*words)


@pytest.mark.parametrize("words", [("--name", "--help"), ("--", "--help")])
def test_a_value_asks_for_no_help(words: tuple[str, ...]) -> None:
    assert "--help" in str(_read(*words))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("WARMROUTE_NAME", "a b\tc", {"names": ["a", "b", "c"]}),
        ("WARMROUTE_NAME", "a b\nc=d e\n", {"names": ["a b", "c=d e"]}),
        ("WARMROUTE_NAME", "one with blanks\n", {"names": ["one with blanks"]}),
        ("WARMROUTE_NAME", "id=a,src=b id=c", {"names": ["id=a,src=b", "id=c"]}),
        ("WARMROUTE_NAME", "", {}),
        ("WARMROUTE_FILE", "a b", {"file": "a b"}),
        ("WARMROUTE_PUSH", "true", {"push": True}),
        ("WARMROUTE_PUSH", "0", {"push": False}),
        ("WARMROUTE_QUIET", "Yes", {"quiet": True}),
        ("WARMROUTE_LOUD", "2", {"loud": 2}),
        ("WARMROUTE_MODE", "tty", {"mode": "tty"}),
        ("WARMROUTE_WAIT", "3", {"wait": 3.0}),
        ("WARMROUTE_SHARE", "90", {"share": 90.0}),
        ("WARMROUTE_PATIENCE", "1m", {"patience": 60.0}),
        ("SOME_HOST", "h", {"host": "h"}),
        ("WARMROUTE_HOST", "h", {}),
    ],
)
def test_a_variable_stands_in_for_an_option(name: str, text: str, expected: dict[str, object]) -> None:
    assert _read(**{name: text}) == expected


def test_the_command_line_wins_over_a_variable_as_a_whole() -> None:
    assert _read("--name", "a", WARMROUTE_NAME="b c") == {"names": ["a"]}


def test_an_empty_option_wins_over_a_variable_too() -> None:
    given = {"WARMROUTE_NAME": "a", "WARMROUTE_FILE": "a", "WARMROUTE_MODE": "tty", "WARMROUTE_WAIT": "3"}

    assert _read("--name=", "--file=", "--mode=", "--wait=", **given) == {}


@pytest.mark.parametrize("name", ["NAME", "FILE", "PUSH", "QUIET", "LOUD", "MODE", "WAIT", "SIZE"])
def test_an_empty_variable_is_as_none(name: str) -> None:
    assert _read(**{f"WARMROUTE_{name}": ""}) == {}


def test_an_error_names_the_variable_that_is_wrong() -> None:
    with pytest.raises(UsageError, match='invalid WARMROUTE_MODE "x"'):
        _read(WARMROUTE_MODE="x")


def test_a_variable_is_called_after_the_first_name() -> None:
    assert variable(Option(names=("--build-arg", "-b"), help="", panel="")) == "WARMROUTE_BUILD_ARG"


# Typer is an independent reader of the same table. It knows neither truth values for flags, `-t=x`, nor
# options that can stand alone, and takes an empty value for a value.
_VALUES = st.sampled_from(["a", "b=c", "x y", "-", "--push", "-q", "plain", "tty", "1", "0.5", "é"])
_WORDS = st.one_of(
    _VALUES,
    st.sampled_from(["--push", "--no-push", "-q", "-v", "-vv", "-qv", "--", "--mode", "--name", "-t", "-qt"]),
    _VALUES.map("--name={}".format),
    _VALUES.map("--file={}".format),
    _VALUES.map("--like={}".format),
    st.sampled_from(["--share=1", "--share=a"]),
    _VALUES.filter(lambda value: not value.startswith("=")).map("-f{}".format),
)


_APP = typer.Typer(add_completion=False)
_APP.command()(as_typer_reads(_command))


@given(st.lists(_WORDS, max_size=6))
@settings(max_examples=150, deadline=None)
def test_the_command_line_is_read_as_typer_reads_it(words: list[str]) -> None:
    SEEN.clear()
    CliRunner().invoke(_APP, words)

    parameters = parameters_of(_command)
    try:
        values = arguments_of(parameters, words, {})
    except UsageError:
        assert SEEN == []
    else:
        assert [grouped(parameters, values)["options"]] == SEEN
