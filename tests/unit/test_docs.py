"""The generated page is fresh, and the pages' links lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

import router
from cli.groups import Option
from cli.main import PROGRAM
from cli.parameters import parameters_of
from cli.program import load
from docs import examples, flags, json_page, library
from docs.generate import PAGE, cli_page

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = [*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md"), *(_ROOT / "examples").rglob("*.md")]
_LINK = re.compile(r"\]\(([^)#:]*)(?:#([^):]*))?\)")


def test_the_reference_of_the_command_line_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == cli_page(), "run `make docs`"


def test_the_table_of_flags_is_fresh() -> None:
    assert flags.PAGE.read_text(encoding="utf-8") == flags.flags_page(), "run `make docs`"


def test_the_reference_of_the_library_is_fresh_and_has_every_public_name() -> None:
    text = library.PAGE.read_text(encoding="utf-8")

    assert text == library.library_page(), "run `make docs`"
    assert sorted(re.findall(r"^### (\w+)$", text, re.MULTILINE)) == sorted(dir(router))


def test_the_reference_of_json_is_fresh() -> None:
    assert json_page.PAGE.read_text(encoding="utf-8") == json_page.json_page(), "run `make docs`"


def test_each_command_that_prints_json_has_a_schema_and_no_other_has() -> None:
    printing = {
        name
        for name in PROGRAM.commands
        for parameter in parameters_of(load(PROGRAM, name))
        if isinstance(parameter.declared, Option)
        and "--format" in parameter.declared.names
        and "json" in parameter.choices
    }

    of_commands = [json_page.schema_of(name) for name in printing]

    for schema in of_commands:
        Draft202012Validator.check_schema(schema)
    assert {each["title"] for each in of_commands} == {each["title"] for each in json_page.schemas()}


@pytest.mark.parametrize(
    "row",
    [
        r"\| `--max-builds` N \| .* Default: 8\. \|",
        r"\| `--retries` N \| .* Default: 2\. \|",
    ],
)
def test_the_reference_has_the_defaults_of_numbers(row: str) -> None:
    assert re.search(f"^{row}$", cli_page(), re.MULTILINE)


def test_no_default_of_the_library_s_reference_is_a_riddle() -> None:
    calls = re.findall(r"^```python\n(.*?)\n```$", library.library_page(), re.MULTILINE | re.DOTALL)

    assert any("span: Span = NO_SPAN" in call for call in calls)
    assert [call for call in calls if "<" in call] == []


_VERBS = re.compile(r"exec [^\n|]*-- buildctl (?:du|prune)\b")


@pytest.mark.parametrize("page", [_ROOT / "README.md", *(_ROOT / "docs" / "how-to").glob("*.md")], ids=str)
def test_no_page_has_buildctl_run_for_what_is_a_command(page: Path) -> None:
    assert not _VERBS.search(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", examples.EXAMPLES)
def test_the_manifests_of_the_example_are_what_fleet_up_prints(name: str) -> None:
    text = (examples.FOLDER / name).read_text(encoding="utf-8")

    assert text == examples.example_text(examples.EXAMPLES[name]), "run `make docs`"


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))

    assert [path for path, _ in links if not (page.parent / path).exists()] == []
    to_headings = {(page.parent / path if path else page, heading) for path, heading in links if heading}
    assert [heading for path, heading in to_headings if heading not in _anchors(path)] == []


def test_the_workflow_for_github_reads_the_digest_of_what_was_pushed_only() -> None:
    page = (_ROOT / "docs/how-to/ci.md").read_text(encoding="utf-8")
    (workflow,) = (
        yaml.safe_load(block) for block in re.findall(r"```yaml\n(name: image.*?)```", page, re.DOTALL)
    )

    (step,) = (
        step for step in workflow["jobs"]["image"]["steps"] if "containerimage.digest" in step.get("run", "")
    )

    assert step["if"] == "github.event_name == 'push'"
    assert workflow["jobs"]["image"]["outputs"]["digest"] == f"${{{{ steps.{step['id']}.outputs.digest }}}}"


def _anchors(page: Path) -> list[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


# What the operating system, a registry or the daemon says, and warmroute passes on.
_OF_OTHERS = {
    "connection refused",
    "no such file or directory",
    "server gave HTTP response to HTTPS client",
    "certificate signed by unknown authority",
    "no such host",
    "i/o timeout",
    "401 Unauthorized",
    "403 Forbidden",
    "insufficient_scope",
    "toomanyrequests",
    "did not complete successfully: exit code",
    "exec format error",
    "no space left on device",
    "is not allowed by build daemon configuration",
    "exit code: 137",
}


_FILLED_IN = re.compile(r"\bHOST\b|\bFILE\b|https?://|'\w+'|\.\.\.")
# What a row is about, not what is said.
_NOT_SAID = {"unix://", "COPY", "docker images"}


def _quoted(page: str) -> set[str]:
    """Return what a page's tables of messages have in the first column, cut where a name is filled in."""
    lines = (_ROOT / page).read_text(encoding="utf-8").splitlines()
    found: set[str] = set()
    inside = False
    for line in lines:
        inside = line.startswith(("| message |", "| what you see |")) or (inside and line.startswith("|"))
        if inside:
            found |= set(re.findall(r"`(.+?)`", re.split(r"(?<!\\)\|", line)[1]))
    parts = {part.strip(" :") for text in found - _NOT_SAID for part in _FILLED_IN.split(text)}
    return parts - {""}


@pytest.mark.parametrize(
    "page",
    [
        "docs/how-to/troubleshooting.md",
        "docs/how-to/kubernetes-production.md",
        "docs/how-to/registries-and-ssh.md",
    ],
)
def test_the_messages_in_a_pages_table_are_those_of_the_program(page: str) -> None:
    modules = [path for folder in ("router", "cli") for path in (_ROOT / folder).rglob("*.py")]
    said = "\n".join(_strings(path) for path in modules)
    quoted = _quoted(page)

    assert len(quoted) > 5
    assert sorted(text for text in quoted - _OF_OTHERS if text not in said) == []


def test_the_troubleshooting_page_has_the_messages_of_others() -> None:
    assert _quoted("docs/how-to/troubleshooting.md") >= _OF_OTHERS


def _strings(module: Path) -> str:
    """Return the texts of a module, those in parts put together; what is filled in is left out."""
    found: list[str] = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.Constant(value=str() as text):
                found.append(text)
            case ast.JoinedStr(values=values):
                texts = [value.value if isinstance(value, ast.Constant) else "\0" for value in values]
                found.append("".join(map(str, texts)))
    return "\n".join(found)
