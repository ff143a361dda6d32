"""``--set``, and the flags that stand for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.bake.go_names import clean_path, matches
from router.bake.overrides import bake_overrides
from router.bake.places import DefinitionFault
from tests.unit.bake.definitions import outside, printed

_TEXT = """
target "base" {
  args = { A = "base" }
  output = ["type=image"]
}
target "app" {
  inherits = ["base"]
  tags = ["app:1"]
  platforms = ["linux/amd64"]
}
"""


@pytest.mark.parametrize(
    ("overrides", "key", "value"),
    [
        (["app.tags=a", "app.tags=b"], "tags", ["a", "b"]),
        (["app.tags+=a"], "tags", ["app:1", "a"]),
        (["*.platform=linux/arm64"], "platforms", ["linux/arm64"]),
        (["base.args.A=x"], "args", {"A": "x"}),
        (["a?p.args.B=y=z"], "args", {"A": "base", "B": "y=z"}),
        (["app.output="], "output", None),
        (["app.pull=false"], "pull", False),
        (["app.push=false"], "output", [{"push": "false", "type": "image"}]),
        (["app.push=true"], "output", [{"push": "true", "type": "image"}]),
        (["app.load=true"], "output", [{"type": "image"}, {"type": "docker"}]),
        (["app.args.HOME"], "args", {"A": "base", "HOME": "/root"}),
        (["app.args.NOTHING"], "args", {"A": "base"}),
        (["app.context=a/../b/"], "context", "b"),
        (["app.resources.cpu-quota=-5"], "resources", {"cpu-quota": -5}),
    ],
)
def test_a_target_is_what_is_set(overrides: list[str], key: str, value: Any) -> None:
    found = printed(_TEXT, "app", overrides=overrides, seen=outside({"HOME": "/root"}))["app"]

    assert found.get(key) == value


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("app", "target.key=value"),
        ("app.tags", "no value"),
        ("app.args=x", "needs a name"),
        ("none.tags=x", "no target matches"),
        ("app.nothing=x", 'no key "nothing"'),
        ("app.pull=x", "true or false"),
        ("app.labels=x", "needs a name"),
        ("app.resources.x=1", 'no resource "x"'),
        ("app.resources.cpu-quota=x", "whole number"),
        ("app.output=dest=x,y", "not of the form"),
        ("app.attest=mode=max", "no type"),
        ("[.tags=x", "not a pattern"),
        ('app.output="', "quote"),
    ],
)
def test_an_override_that_means_nothing_is_refused(override: str, why: str) -> None:
    with pytest.raises(DefinitionFault, match=why):
        printed(_TEXT, "app", overrides=[override])


def test_flags_stand_for_overrides_of_all_targets() -> None:
    assert bake_overrides(push=True, load=True, call="lint", no_cache=True, pull=False, sbom="true") == [
        "*.push=true",
        "*.load=true",
        "*.call=lint",
        "*.no-cache=true",
        "*.pull=false",
        "*.attest=type=sbom,disabled=false",
    ]
    assert bake_overrides(provenance="mode=max") == ["*.attest=type=provenance,mode=max"]
    assert bake_overrides() == []


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "app", True),
        ("app-*", "app-", True),
        ("a*c*e", "abcde", True),
        ("a*c*e", "abcd", False),
        ("a*b*c", "abbc", True),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("a\\*", "a*", True),
        ("*a*a*a*b", "aaaaaaaa", False),
        ("*", "a/b", False),
        ("?", "", False),
    ],
)
def test_a_name_matches_a_pattern_as_in_go(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


@given(st.text(alphabet="a/.", max_size=12))
def test_a_path_in_its_shortest_form_stays_as_it_is(path: str) -> None:
    assert clean_path(clean_path(path)) == clean_path(path)
