"""docker buildx through the endpoint, as its remote driver: build, bake, and what comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.builder import OciArchive
from tests.e2e.serving.endpoints import Buildx, Served


@pytest.fixture
def buildx(served: Served) -> Buildx:
    return Buildx(served)


def test_buildx_builds_on_the_home_of_the_tag(buildx: Buildx, served: Served, context: Path) -> None:
    out = served.scratch / "out.tar"
    tag = served.tag_at("d2")
    before = served.built()

    buildx("build", "--tag", tag, f"--output=type=oci,dest={out}", context)

    assert served.built() == before | {"d2": before["d2"] + 1}
    assert OciArchive(out.read_bytes()).files() == {"a.txt": served.scratch.name.encode()}


@pytest.mark.parametrize("command", [["build", "."], ["bake", "--file=bake.json", "one", "two"]])
def test_a_check_ends_though_no_daemon_announces_it(
    buildx: Buildx, served: Served, context: Path, command: list[str]
) -> None:
    """Such a build is in no history: who waits for its record there waits until the connection is lost."""
    target = {"context": "."}
    (context / "bake.json").write_text(json.dumps({"target": {"one": target, "two": target}}))
    before = served.built()

    checked = buildx(*command, "--call=check", cwd=context)

    assert "Check complete, no warnings found." in checked.stdout
    assert served.built() == before


def test_targets_of_one_context_each_build_at_home(buildx: Buildx, served: Served, context: Path) -> None:
    """They share one session, which is none of theirs; one daemon calls it for two builds."""
    homes = {"one": "d0", "two": "d1", "three": "d1", "four": "d2"}
    targets: dict[str, Any] = {
        name: {
            "context": str(context),
            "dockerfile-inline": f"FROM scratch\nCOPY a.txt /{name}\n",
            "tags": [served.tag_at(home)],
            "output": [f"type=oci,dest={served.scratch}/{name}.tar"],
        }
        for name, home in homes.items()
    }
    bake = served.scratch / "bake.json"
    bake.write_text(json.dumps({"group": {"default": {"targets": list(targets)}}, "target": targets}))
    before = served.built()

    buildx("bake", "--file", bake)

    after = served.built()
    assert {each: after[each] - before[each] for each in after} == {"d0": 1, "d1": 2, "d2": 1}
    for name in targets:
        archive = OciArchive((served.scratch / f"{name}.tar").read_bytes())
        assert archive.files() == {name: served.scratch.name.encode()}


def test_a_target_that_builds_on_another_one_gets_its_files(
    buildx: Buildx, served: Served, context: Path
) -> None:
    """Each builds at home, so both daemons build the first target: the client sends its steps."""
    bake = served.scratch / "bake.json"
    base = {"context": str(context), "tags": [served.tag_at("d0")]}
    inline = "FROM base\nCOPY --from=base a.txt /b.txt\n"
    top = {
        "context": str(context),
        "contexts": {"base": "target:base"},
        "dockerfile-inline": inline,
        "tags": [served.tag_at("d1")],
        "output": [f"type=oci,dest={served.scratch}/top.tar"],
    }
    bake.write_text(json.dumps({"target": {"base": base, "top": top}}))

    buildx("bake", "--file", bake, "top")

    archive = OciArchive((served.scratch / "top.tar").read_bytes())
    assert archive.files() == dict.fromkeys(("a.txt", "b.txt"), served.scratch.name.encode())
