"""What is said to somebody who gives a flag of another tool."""

from __future__ import annotations

import pytest

from cli.command_line import arguments_of
from cli.groups import Option
from cli.main import PROGRAM
from cli.other_flags import SAME, TABLES, hint_for
from cli.parameters import parameters_of
from cli.program import load
from router.errors import UsageError

BUILD = parameters_of(load(PROGRAM, "build"))
ROWS = [
    (tool.rsplit(maxsplit=1)[-1], row) for tool, rows in TABLES.items() for row in rows if row.ours != SAME
]


def _own(command: str) -> set[str]:
    """Return every name of an option of a command."""
    declared = [each.declared for each in parameters_of(load(PROGRAM, command))]
    options = [option for option in declared if isinstance(option, Option)]
    return {name for option in options for name in (*option.names, *option.aliases)}


@pytest.mark.parametrize(
    ("flag", "hint"),
    [
        ("--tlscacert", "use --tls-ca"),
        ("--builder", "use --addr (there are no builders to create: "),
        ("-D", "use --verbose (the key, the daemon and why; "),
        ("--memory", "use --resource memory=SIZE"),
        ("-m", "use --resource memory=SIZE"),
        (
            "--compress",
            "warmroute has no --compress: layers are compressed by the output: --output type=image,",
        ),
        ("--squash", "warmroute has no --squash: "),
        ("--policy", "warmroute has no --policy: buildx evaluates these Rego policies itself"),
        ("--tls-sa", "did you mean --tls-ca?"),
    ],
)
def test_a_flag_of_another_tool_has_a_hint_from_the_table(flag: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        arguments_of(BUILD, [flag, "x"], {})

    assert str(caught.value) == f"no such option: {flag}"
    assert (caught.value.hint or "").startswith(hint)


def test_a_hint_names_no_option_that_the_command_lacks() -> None:
    where = parameters_of(load(PROGRAM, "where"))

    with pytest.raises(UsageError) as caught:
        arguments_of(where, ["--tlscacert", "x"], {})

    assert "--tls-ca" not in (caught.value.hint or "")


@pytest.mark.parametrize(("command", "row"), ROWS)
def test_each_flag_that_is_not_ours_has_a_hint_in_plain_text(command: str, row: tuple[str, str, str]) -> None:
    flag, ours, _ = row
    own = _own(command)

    hint = hint_for(flag, own)

    if flag in own and ours in own:
        return  # another meaning here, so nobody gets to the hint
    assert hint is not None
    assert not set("`[]") & set(hint)
