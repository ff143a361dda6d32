"""The table of flags in docs/reference/flags.md, beside what the real buildx and buildctl say."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.command_line import HELP_NAMES
from cli.groups import Option
from cli.main import PROGRAM
from cli.parameters import parameters_of
from cli.program import load
from tests.servers import binaries

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "flags.md"
ROW = re.compile(r"^\| `(--[\w-]+)` \| (=|none|`(--[\w-]+)`) \| ?(.*) ?\|$", re.MULTILINE)
FLAG = re.compile(r"^\s+(?:-\w, )?(--[\w-]+)", re.MULTILINE)
TOOLS = tuple(f"{tool} {verb}" for verb in ("build", "du", "prune") for tool in ("docker buildx", "buildctl"))


def flags_of(tool: str) -> set[str]:
    """Return the flags that a tool's help lists, with those of all its commands."""
    program = binaries.buildx() if "buildx" in tool else binaries.buildctl()
    done = subprocess.run(
        [program, tool.rsplit(maxsplit=1)[-1], "--help"],
        env={"BUILDX_EXPERIMENTAL": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    options = re.split(r"^(?:Flags|OPTIONS):$", done.stdout, flags=re.MULTILINE)[1]
    return set(FLAG.findall(options))


def table(tool: str) -> Mapping[str, tuple[str, str]]:
    """Return a tool's rows: what each flag is here, and what is said of it."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {tool}\n")[1].split("\n## ")[0]
    rows = {name: (ours or same, said) for name, same, ours, said in ROW.findall(section)}
    assert section.count("\n| `--") == len(rows), "a row that is no row, or stands twice"
    return rows


def ours_of(tool: str) -> set[str]:
    """Return every name of an option of our command of that name."""
    declared = [parameter.declared for parameter in parameters_of(load(PROGRAM, tool.rsplit(maxsplit=1)[-1]))]
    options = [option for option in declared if isinstance(option, Option)]
    return {*HELP_NAMES, *(name for option in options for name in (*option.names, *option.aliases))}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_table_has_each_flag_of_the_tool_and_no_other(tool: str) -> None:
    found = flags_of(tool)

    assert len(found) > 6
    assert set(table(tool)) == found


@pytest.mark.parametrize("tool", [*TOOLS, "docker build"])
def test_what_the_table_calls_ours_is_ours(tool: str) -> None:
    named = {flag if here == "=" else here for flag, (here, _) in table(tool).items() if here != "none"}

    assert named <= ours_of(tool)


@pytest.mark.parametrize("tool", [*TOOLS, "docker build"])
def test_a_flag_that_we_do_not_have_is_one_that_we_really_do_not_have_and_says_why(tool: str) -> None:
    missing = {flag: why for flag, (here, why) in table(tool).items() if here == "none"}

    assert not missing.keys() & ours_of(tool)
    assert all(missing.values())


def test_buildx_takes_the_flags_that_it_does_not_list(tmp_path: Path) -> None:
    for flag in table("docker build"):
        done = subprocess.run(
            [binaries.buildx(), "build", f"{flag}=1", "/nonexistent"],
            # A home of its own: as root buildx makes the one that isn't there.
            env={"DOCKER_HOST": "unix:///nonexistent", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode != 0
        assert "unknown flag" not in done.stderr, flag


@pytest.mark.parametrize("tool", [*TOOLS, "docker build"])
def test_the_table_is_in_order(tool: str) -> None:
    assert list(table(tool)) == sorted(table(tool))
