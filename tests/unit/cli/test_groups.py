"""Groups of options: values that know what stands for their fields on a command line."""

from __future__ import annotations

from typing import Annotated

import pytest

from cli.command_line import arguments_of
from cli.groups import Argument, Only, Option, OptionGroup, argument, option
from cli.main import PROGRAM
from cli.parameters import grouped, parameters_of, renamed
from cli.program import load


class _Inner(OptionGroup, panel="Inner"):
    """A group in another."""

    path: str | None = option("--path", "-p", default=None, metavar="PATH", help="A path.")
    patience: float = option("--patience", default=10.0, help="Seconds.")


class _Outer(OptionGroup, panel="Outer"):
    """A group with another in it."""

    place: str | None = argument("PLACE", default=None, help="A place.")
    words: list[str] | None = option("--word", default=None, help="A word.")
    inner: _Inner = _Inner()
    loud: bool = option("--loud", default=False, help="More.", panel="Elsewhere")


class _Other(_Outer, panel="Other"):
    """The same with one field by another name, and one with another default."""

    place: str | None = option("--place", default=None, help="A place.")
    loud: bool = True


def _command(outer: _Outer) -> None:
    """Serve as a command."""


def _part(outer: Annotated[_Outer, Only("inner", "--word", patience=5.0)]) -> None:
    """Serve as a command that has a part of a group."""


def _other(outer: _Other) -> None:
    """Serve as a command that has another group."""


def test_a_group_is_a_value_with_defaults() -> None:
    group = _Outer(words=["a"])

    assert (group.place, group.words, group.inner.patience, group.loud) == (None, ["a"], 10.0, False)
    assert group == _Outer(words=["a"], inner=_Inner(path=None))
    assert group != _Outer()
    assert repr(group) == "_Outer(words=['a'])"


def test_a_copy_has_other_values() -> None:
    group = _Outer(words=["a"]).replaced(loud=True)

    assert (group.words, group.loud) == (["a"], True)


def test_a_field_is_set_once() -> None:
    with pytest.raises(AttributeError, match="cannot assign to field 'loud'"):
        _Outer().loud = True  # type: ignore[misc]


def test_a_field_that_is_none_of_the_groups_is_refused() -> None:
    with pytest.raises(TypeError, match="_Outer has no sound"):
        _Outer(sound=True)  # type: ignore[call-arg]


def test_a_command_has_the_options_of_its_groups_in_their_order() -> None:
    assert [(p.name, p.kind, p.path) for p in parameters_of(_command)] == [
        ("place", "text", ("outer", "place")),
        ("word", "list", ("outer", "words")),
        ("path", "text", ("outer", "inner", "path")),
        ("patience", "number", ("outer", "inner", "patience")),
        ("loud", "flag", ("outer", "loud")),
    ]


def test_an_option_has_its_groups_panel_or_its_own() -> None:
    panels = [getattr(parameter.declared, "panel", None) for parameter in parameters_of(_command)]

    assert panels == [None, "Outer", "Inner", "Inner", "Elsewhere"]


def test_a_command_may_have_a_part_in_its_own_order_and_with_its_own_defaults() -> None:
    parameters = parameters_of(_part)

    assert [(p.name, p.default) for p in parameters] == [("path", None), ("patience", 5.0), ("word", None)]
    assert grouped(parameters, arguments_of(parameters, [], {})) == {
        "outer": _Outer(inner=_Inner(patience=5.0))
    }


def test_a_part_that_is_none_of_the_groups_is_refused() -> None:
    def command(outer: Annotated[_Outer, Only("--sound")]) -> None:
        """Serve as a command that asks for what there isn't."""

    with pytest.raises(LookupError, match="--sound"):
        parameters_of(command)


def test_a_derived_group_has_other_names_and_defaults_in_the_same_places() -> None:
    names_and_defaults = [(p.name, p.default) for p in parameters_of(_other)]

    assert [names_and_defaults[0], names_and_defaults[-1]] == [("place", None), ("loud", True)]
    assert isinstance(parameters_of(_command)[0].declared, Argument)
    assert isinstance(parameters_of(_other)[0].declared, Option)


def test_what_is_read_becomes_the_groups() -> None:
    parameters = parameters_of(_command)

    groups = grouped(parameters, arguments_of(parameters, ["here", "--path=a", "--word", "w"], {}))

    assert groups == {"outer": _Outer(place="here", words=["w"], inner=_Inner(path="a"))}


def test_an_alias_of_another_program_is_taken_from_the_option_that_was_called_so() -> None:
    where = renamed(parameters_of(load(PROGRAM, "where")), {"--context": "--kube-context"})
    names = {p.name: p.declared.aliases for p in where if isinstance(p.declared, Option)}

    assert names["kube_context"] == ("--context",)
    assert "context" not in names
    assert arguments_of(where, ["--context", "prod", "app"], {})["kube_context"] == "prod"
