"""`warmroute bake`: files, variables and flags around the library's reading."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.bake_options import BakeOptions
from cli.build_options import ExtraOptions, ImageOptions, ResultOptions
from cli.commands.bake import command
from cli.options import DisplayOptions, RoutingOptions
from router import UsageError

_TEXT = 'variable "A" { default = "x" }\ntarget "default" { tags = ["app:${A}"] }\n'
Printed = Callable[..., Any]


def _run(*, call: str = "build", push: bool | None = None, **options: Any) -> None:
    command(
        BakeOptions(**options),
        ImageOptions(extra=ExtraOptions(call=call)),
        ResultOptions(push=push),
        RoutingOptions(),
        DisplayOptions(),
    )


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """Run the command in a directory of its own, and return what it prints as JSON."""
    monkeypatch.chdir(tmp_path)
    for name in ("A", "BUILDX_BAKE_FILE", "BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)

    def run(**options: Any) -> Any:
        _run(**options)
        return json.loads(capsys.readouterr().out)

    return run


def test_the_usual_files_are_read_in_their_order(tmp_path: Path, printed: Printed) -> None:
    (tmp_path / "docker-bake.hcl").write_text(_TEXT)
    (tmp_path / "docker-bake.override.hcl").write_text('target "default" { target = "release" }\n')

    target = printed(print=True)["target"]["default"]

    assert (target["tags"], target["target"]) == (["app:x"], "release")


def test_stdin_can_be_the_definition(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, printed: Printed
) -> None:
    (tmp_path / "stdin").write_text(_TEXT)
    with open(tmp_path / "stdin", encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file.buffer))

        assert printed(print=True, files=["-"])["target"]["default"]["tags"] == ["app:x"]


def test_a_variable_comes_from_the_flag_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    (tmp_path / "one.hcl").write_text(_TEXT)
    monkeypatch.setenv("A", "environment")

    assert printed(print=True, files=["one.hcl"])["target"]["default"]["tags"] == ["app:environment"]
    given = printed(print=True, files=["cwd://one.hcl"], variables=["A=flag", ""])
    assert given["target"]["default"]["tags"] == ["app:flag"]


def test_the_environment_is_not_looked_at_where_it_is_not_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    (tmp_path / "docker-bake.hcl").write_text(_TEXT)
    monkeypatch.setenv("A", "environment")
    monkeypatch.setenv("BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP", "true")

    assert printed(print=True)["target"]["default"]["tags"] == ["app:x"]


def test_files_can_be_named_by_buildx_s_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    (tmp_path / "a b.hcl").write_text(_TEXT)
    (tmp_path / "two.hcl").write_text('target "default" { target = "t" }\n')
    monkeypatch.setenv("BUILDX_BAKE_FILE", "a b.hcl: two.hcl:")

    assert printed(print=True)["target"]["default"]["target"] == "t"


def test_the_time_of_sources_is_an_argument_that_a_target_s_own_wins_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    (tmp_path / "docker-bake.hcl").write_text(
        'target "default" {}\ntarget "own" { args = { SOURCE_DATE_EPOCH = "1" } }\n'
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")

    found = printed(print=True, targets=["default", "own"])["target"]

    assert [found[name]["args"]["SOURCE_DATE_EPOCH"] for name in ("default", "own")] == ["7", "1"]


def test_flags_change_all_targets(tmp_path: Path, printed: Printed) -> None:
    (tmp_path / "docker-bake.hcl").write_text(_TEXT)

    target = printed(print=True, call="check", push=True)["target"]["default"]

    assert (target["call"], target["output"]) == ("lint", [{"push": "true", "type": "image"}])


def test_lists_are_tables_or_json(
    tmp_path: Path, printed: Printed, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docker-bake.hcl").write_text(_TEXT)

    assert printed(list="type=targets,format=json") == [{"name": "default"}]
    assert printed(list="type=variables,format=json") == [{"name": "A", "value": "x"}]
    _run(list="variables")
    _run(list="targets")
    assert capsys.readouterr().out.splitlines() == [
        "VARIABLE  TYPE  VALUE  DESCRIPTION",
        "A         -     x      -",
        "TARGET   DESCRIPTION",
        "default  -",
    ]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"parallel": 1.5}, "not a whole number"),
        ({"print": True, "list": "targets"}, "exclude each other"),
        ({"list": "images"}, "targets or variables"),
        ({"list": "type=targets,format=xml"}, "targets or variables"),
        ({"list": "type=targets,as"}, "targets or variables"),
        ({"print": True, "variables": ["A"]}, "NAME=VALUE"),
        ({"print": True, "files": ["none.hcl"]}, "no file none.hcl"),
        ({"print": True, "files": ["."]}, "can't read the file ."),
        ({"print": True, "call": "a,b"}, "one method"),
        ({"print": True, "targets": ["other"]}, "no target"),
    ],
)
@pytest.mark.usefixtures("printed")
def test_what_is_wrong_on_the_command_line_is_told(tmp_path: Path, options: dict[str, Any], why: str) -> None:
    (tmp_path / "docker-bake.hcl").write_text(_TEXT)

    with pytest.raises(UsageError, match=why):
        _run(**options)


@pytest.mark.usefixtures("printed")
def test_a_directory_without_a_definition_says_which_files_would_be_one() -> None:
    with pytest.raises(UsageError, match=r"docker-bake\.hcl") as raised:
        _run(print=True)

    assert raised.value.hint == "name a file with --file"
