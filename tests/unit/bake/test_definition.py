"""Definitions as a whole: inheritance, groups, links, variables, matrices."""

from __future__ import annotations

from datetime import datetime

import pytest

from router.bake.definition import BakeFile, BakePlan, parse_files, plan
from router.bake.entries import Export
from router.bake.outside import BakeOutside
from router.bake.places import DefinitionFault
from router.bake.printing import bake_targets_json, bake_variables_json, list_bake_targets
from router.bake.reading import plan_bake, read_bake
from router.errors import UsageError
from tests.unit.bake.definitions import OUTSIDE, definition, nothing, outside, planned, printed

_CIRCLE = """
target "default" { contexts = { x = "target:b" } }
target "b" { contexts = { x = "target:default" } }
"""


def test_a_target_adds_to_what_it_inherits_and_replaces_the_rest() -> None:
    found = printed(
        """
target "one" {
  args = { A = 1, B = 1 }
  tags = ["one"]
  cache-from = ["a"]
}
target "default" {
  inherits = ["one"]
  args = { B = 2 }
  tags = ["two"]
  cache-from = ["b"]
}
"""
    )["default"]

    assert found["args"] == {"A": "1", "B": "2"}
    assert found["tags"] == ["two"]
    assert [each["ref"] for each in found["cache-from"]] == ["a", "b"]


def test_linked_targets_are_planned_with_no_output() -> None:
    found = planned(
        'target "default" { contexts = { x = "target:base" } }\ntarget "base" { output = ["type=image"] }\n'
    )

    base = found.targets["base"]
    assert base.linked
    assert base.outputs == (Export("cacheonly", "", {}),)
    assert not found.targets["default"].linked


def test_a_linked_target_that_is_asked_for_too_keeps_its_output() -> None:
    text = (
        'target "default" { contexts = { x = "target:base" } }\ntarget "base" { output = ["type=image"] }\n'
    )

    assert not planned(text, "default", "base").targets["base"].linked


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('target "default" { inherits = ["aple"] }\ntarget "apple" {}\n', 'did you mean "apple"'),
        ('target "default" { contexts = { x = "target:default" } }\n', "itself"),
        (_CIRCLE, "default -> b -> default"),
        ('group "default" { targets = ["g"] }\ngroup "g" { targets = ["default"] }\n', "contains itself"),
        ('target "default" { context = "-" }\n', "standard input"),
        ('target "default" { output = ["type=local"] }\n', "needs a directory"),
        ('group "default" {}\n', "has no targets"),
        ('group "default" {\n  matrix = {}\n  targets = []\n}\n', "can't have a matrix"),
        ('variable "a" "b" {}\n', "has 2"),
        ('target "x y" {}\n', "not valid"),
        ("a = target\n", "name one"),
        ("a = target.b.c\n", 'no target named "b"'),
        ('target "b" {}\na = target.b.c\n', 'no argument "c"'),
        ('function "f" {\n  params = ["a b"]\n  result = 1\n}\n', "must be a name"),
        ('function "f" {\n  result = 1\n}\n', 'needs the argument "params"'),
    ],
)
def test_what_is_wrong_in_a_definition_is_told(text: str, why: str) -> None:
    with pytest.raises(DefinitionFault, match=why):
        planned(text)


def test_no_try_makes_up_for_what_depends_on_itself() -> None:
    with pytest.raises(DefinitionFault, match="depends on itself"):
        definition("a = try(b, 1)\nb = a\n")


def test_a_try_that_failed_leaves_nothing_behind() -> None:
    text = (
        'a = try(upper(b), upper(c))\nb = ["x"][1]\nc = try(b, "y")\ntarget "default" { args = { A = a } }\n'
    )

    # b fails each time that it is asked for, and not for another reason.
    with pytest.raises(DefinitionFault, match="no element 1"):
        definition(text)


def test_a_group_can_have_the_name_of_a_target_in_it() -> None:
    found = planned('group "default" { targets = ["default"] }\ntarget "default" { context = "x" }\n')

    assert list(found.targets) == ["default"]
    assert found.groups["default"].targets == ("default",)


def test_a_variable_is_taken_from_the_flag_then_the_environment_then_its_default() -> None:
    text = 'variable "A" { default = "default" }\ntarget "default" { args = { A = A } }\n'

    assert printed(text)["default"]["args"] == {"A": "default"}
    assert printed(text, seen=outside({"A": "environment"}))["default"]["args"] == {"A": "environment"}
    assert printed(text, seen=outside({"A": "environment"}, {"A": "flag"}))["default"]["args"] == {
        "A": "flag"
    }


@pytest.mark.parametrize(
    ("block", "given", "why"),
    [
        ("default = 1", "x", 'must be a number, not "x"'),
        ("default = true", "x", "must be true or false"),
        ("default = [1]", "x", "needs a type"),
        ("type = object({ a = string })", "x", "as JSON only"),
        ("type = tuple([string, string])", "x", "2 elements, not 1"),
        ("type = map(string)", "x", "write key:value"),
        ("type = list(list(string))", "x", "as JSON only"),
        ("type = number", "nan", "must be a number"),
    ],
)
def test_a_value_from_outside_that_does_not_fit_is_told_with_the_variable_s_place(
    block: str, given: str, why: str
) -> None:
    with pytest.raises(DefinitionFault, match=why) as raised:
        definition(f'variable "V" {{\n  {block}\n}}\n', seen=outside({"V": given}))

    assert raised.value.place is not None


def test_variables_and_targets_are_listed_as_buildx_lists_them() -> None:
    found = definition(
        """
variable "B" {
  default = "b"
  description = "what it is"
}
variable "A" { type = list(number) }
target "z" { description = "last" }
target "_hidden" {}
group "g" {
  description = "some"
  targets = ["z", "_hidden"]
}
"""
    )

    assert list_bake_targets(found) == [("g", "some (_hidden, z)", True), ("z", "last", False)]
    assert bake_targets_json(list_bake_targets(found)).startswith('[\n  {\n    "name": "g",')
    assert bake_variables_json(found.variables) == (
        '[\n  {\n    "name": "A",\n    "type": "list of number"\n  },\n'
        '  {\n    "name": "B",\n    "description": "what it is",\n    "value": "b"\n  }\n]'
    )


def test_what_is_wrong_leaves_the_package_as_a_usage_error_with_its_line() -> None:
    with pytest.raises(UsageError, match=r"(?s)x\.hcl:1,5: .*\^"):
        read_bake([BakeFile("x.hcl", b"a = nothing\n")], OUTSIDE, nothing)
    with pytest.raises(UsageError, match="no target"):
        plan_bake(definition(""), ["default"], [], OUTSIDE)


def test_a_definition_is_read_and_planned_by_the_public_names() -> None:
    seen = BakeOutside(environment={}, variables={}, builtin={}, now=datetime.min, home="/")
    found: BakePlan = plan_bake(
        read_bake([BakeFile("x.hcl", b'target "a" {}')], seen, nothing), ["a"], [], seen
    )

    assert list(found.targets) == ["a"]
    assert found.groups["default"].targets == ("a",)


def test_files_are_told_apart_by_their_names_and_else_by_what_they_are() -> None:
    files = [
        BakeFile("one", b'target "a" {}'),
        BakeFile("two", b'{"target": {"b": {}}}'),
        BakeFile("three", b"services:\n  c:\n    build: ."),
        BakeFile("four.yml", b"services:\n  d:\n    build: ."),
    ]

    found = plan(parse_files(files, OUTSIDE, nothing), ["*"], [], OUTSIDE)

    assert sorted(found.targets) == ["a", "b", "c", "d"]


def test_a_mistyped_group_is_found_too() -> None:
    text = 'group "release" { targets = ["api"] }\ntarget "api" {}\n'

    with pytest.raises(DefinitionFault, match='did you mean "release"'):
        planned(text, "relaese")
