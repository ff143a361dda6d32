"""What a definition may ask for: memory and time have bounds, whatever it says."""

from __future__ import annotations

import pytest

from router.bake.bounds import Budget
from router.bake.definition import BakeFile, parse_files
from router.bake.places import DefinitionFault
from tests.unit.bake.definitions import OUTSIDE, definition, nothing, planned


def _doubling(times: int) -> str:
    lines = [f'v{each + 1} = "${{v{each}}}${{v{each}}}"' for each in range(times)]
    return "\n".join(['v0 = "xxxxxxxxxxxxxxxx"', *lines, ""])


_LISTS = "\n".join(
    ["v0 = range(1000)", *(f"v{each + 1} = concat(v{each}, v{each})" for each in range(40)), ""]
)
_NESTED = "a = range(1000)\nb = [for x in a : [for y in a : [for z in a : 1]]]\n"
_MATRIX = 'target "x" {\n  name = "x-${a}-${b}"\n  matrix = { a = range(1000), b = range(1000) }\n}\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (_doubling(60), "too large"),
        (_LISTS, "too many steps"),
        (_NESTED, "too many steps"),
        (_MATRIX, "more than 10000 targets"),
        (
            'a = try(join("", [for x in range(1000) : [for y in range(1000) : format("%4000d", y)]]), 1)\n',
            "large",
        ),
    ],
    ids=["strings", "lists", "loops", "matrix", "within try"],
)
def test_a_definition_that_asks_for_too_much_is_refused(text: str, why: str) -> None:
    with pytest.raises(DefinitionFault, match=why):
        definition(text)


def test_variables_in_a_long_row_are_refused_or_read_but_never_a_crash() -> None:
    rows = "".join(f'variable "v{each}" {{\n  default = v{each + 1}\n}}\n' for each in range(2000))

    with pytest.raises(DefinitionFault, match="nested too deeply"):
        definition(f'{rows}variable "v2000" {{}}\n')


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(DefinitionFault, match="too large"):
        parse_files([BakeFile("x.hcl", b" " * (17 << 20))], OUTSIDE, nothing)


_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{_LAUGHS}services:\n  x:\n    build: .\n", "more than 200000 values"),
        ("services: " + "[" * 5000, "nested too deeply"),
        ("services: " + "{a: " * 5000, "nested too deeply"),
        ("a: &a\n  b: *a\n", "YAML|deeply|values"),
        ("services:\n  x:\n    build: '" + "${A:-" * 200 + "x" + "}" * 200 + "'\n", "too deeply"),
    ],
    ids=["aliases", "brackets", "braces", "itself", "variables"],
)
def test_a_compose_file_that_asks_for_too_much_is_refused(text: str, why: str) -> None:
    with pytest.raises(DefinitionFault, match=why):
        definition(text, "compose.yaml")


@pytest.mark.parametrize("text", ["[" * 5000, '{"a":' * 5000])
def test_json_that_is_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(DefinitionFault, match="nested too deeply"):
        definition(text, "docker-bake.json")


def test_a_budget_is_spent() -> None:
    budget = Budget(steps=2, characters=10)

    budget.spend(2, 10)
    with pytest.raises(DefinitionFault, match="steps"):
        budget.spend(1)


_LONG = 'a = join("", [for x in range(1000) : "aaaaaaaaaa"])\n'


def _shared(kind: str) -> str:
    """Return 40 things, each of which has the one before it twice."""
    return "".join(kind.format(each + 1, each) for each in range(40))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("v0 = [1]\n" + _shared("v{0} = [v{1}, v{1}]\n"), "too many steps"),
        ("v0 = { a = 1 }\n" + _shared("v{0} = {{ a = v{1}, b = v{1} }}\n"), "too many steps"),
        (_LONG + 'b = [for x in range(1000) : [for y in range(1000) : a == "y"]]\n', "steps"),
        (_LONG + 'b = [for x in range(1000) : regexall("(a|b)*c", a)]\n', "steps"),
    ],
    ids=["tuples", "objects", "comparisons", "patterns"],
)
def test_few_lines_do_not_become_very_much(text: str, why: str) -> None:
    with pytest.raises(DefinitionFault, match=why):
        definition(text)


def test_groups_and_links_that_are_shared_take_no_time() -> None:
    groups = 'group "g0" { targets = ["t0"] }\n' + _shared('group "g{0}" {{ targets = ["g{1}", "g{1}"] }}\n')
    targets = 'target "t0" {}\n' + _shared(
        'target "t{0}" {{ contexts = {{ a = "target:t{1}", b = "target:t{1}" }} }}\n'
    )

    assert len(planned(groups + targets, "g40").targets) == 1
    assert len(planned(groups + targets, "t40").targets) == 41


def test_targets_that_all_inherit_something_large_are_refused() -> None:
    text = (
        'target "base" {\n  args = { for x in range(1000) : "k${x}" => join("", range(1000)) }\n}\n'
        'target "x" {\n  name = "x-${a}-${b}"\n  inherits = ["base"]\n'
        "  matrix = { a = range(100), b = range(100) }\n}\n"
    )

    with pytest.raises(DefinitionFault, match=r"too large|too many steps"):
        planned(text, "*")


@pytest.mark.parametrize(
    "gap", [" " * 100_000, "/* */" * 20_000, "/**" * 30_000 + "*/"], ids=["spaces", "comments", "stars"]
)
def test_what_stands_before_an_unreadable_character_is_passed_over_once(gap: str) -> None:
    with pytest.raises(DefinitionFault):
        definition(f"a = 1{gap};")
