"""A bake on pods, by exec: twelve targets at once over the API server, some of them linked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.kubernetes import SELECTOR
from tests.e2e.program import Program

pytestmark = pytest.mark.xdist_group("cluster")

_DEFINITION = """
target "single" {
  matrix = { n = range(9) }
  name = "single-${n}"
  args = { N = n }
  tags = ["registry.test/bake/single-${n}:1"]
  output = ["out/${n}"]
}
target "base" {
  args = { N = "base" }
  tags = ["registry.test/bake/base:1"]
}
target "child" {
  matrix = { n = ["a", "b"] }
  name = "child-${n}"
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\\nCOPY file /${n}\\n"
  output = ["out/${n}"]
}
group "default" { targets = ["single", "child"] }
"""
_TREE = {
    "docker-bake.hcl": _DEFINITION,
    "Dockerfile": "FROM scratch\nARG N\nLABEL n=$N\nCOPY file /file\n",
    "file": "f\n",
}


def test_targets_come_home_to_pods(fleet: tuple[str, ...], program: Program, tmp_path: Path) -> None:
    write_tree(tmp_path, _TREE)
    words = (
        "bake",
        "--selector",
        SELECTOR,
        "--via",
        "exec",
        "--progress",
        "plain",
        "--metadata-file",
        "m.json",
    )

    for _ in range(2):
        program.ok(*words, cwd=tmp_path)

    built = {
        name: each["warmroute.build"] for name, each in json.loads((tmp_path / "m.json").read_text()).items()
    }
    assert len(built) == 12
    assert {each["place"] for each in built.values()} == {1}
    assert {each["daemon"] for each in built.values()} <= set(fleet)
    assert all(each["cached"] == each["steps"] > 0 for each in built.values())
    assert len({built[name]["daemon"] for name in ("base", "child-a", "child-b")}) == 1
    assert sorted(path.name for path in (tmp_path / "out" / "b").iterdir()) == ["b", "file"]
