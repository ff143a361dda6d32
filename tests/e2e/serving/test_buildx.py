"""docker buildx through the endpoint, as its remote driver: build, bake, and what comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from router import RouterConfig
from tests.e2e.builder import OciArchive
from tests.e2e.serving.endpoints import Buildx, Served, serving
from tests.servers.buildkitd import Buildkitd


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


def test_targets_that_build_on_another_one_build_where_it_does(
    buildx: Buildx, served: Served, context: Path
) -> None:
    """The client sends the first one's steps, which are cached only there. The top is based on the middle."""
    targets = {
        "base": {"context": str(context), "tags": [served.tag_at("d0")]},
        "middle": linked(served, "base", "d1"),
        "top": linked(served, "middle", "d2"),
        "other": {"context": str(context), "tags": [served.tag_at("d2")], "dockerfile-inline": OTHER},
    }
    before = served.built()

    bake(buildx, targets)

    after = served.built()
    assert {each: after[each] - before[each] for each in after} == {"d0": 3, "d1": 0, "d2": 1}
    for name, files in (("middle", ("a.txt", "base")), ("top", ("a.txt", "base", "middle"))):
        archive = OciArchive((served.scratch / f"{name}.tar").read_bytes())
        assert archive.files() == dict.fromkeys(files, served.scratch.name.encode())


def test_a_linked_target_does_not_wait_for_the_place_of_its_base(
    buildkitd: Buildkitd, tmp_path: Path, context: Path
) -> None:
    """The base goes on until it has the steps of all that are based on it: each would wait for the other."""
    config = RouterConfig(max_builds=1, queue=300.0)
    with serving([buildkitd], tmp_path, config=config) as served:
        base = {"context": str(context), "tags": [served.tag_at("d0")]}

        bake(Buildx(served), {"base": base, "top": linked(served, "base", "d0")})


OTHER = "FROM scratch\nCOPY a.txt /other\nLABEL is=other\n"


def linked(served: Served, base: str, home: str) -> dict[str, Any]:
    """A target that is based on another one, and adds a file with the name of that."""
    return {
        "contexts": {"under": f"target:{base}"},
        "dockerfile-inline": f"FROM under\nCOPY --from=under a.txt /{base}\n",
        "tags": [served.tag_at(home)],
        "output": [f"type=oci,dest={served.scratch}/{{}}.tar"],
    }


def bake(buildx: Buildx, targets: dict[str, Any]) -> None:
    """Bake all targets; outputs have the targets' names."""
    for name, target in targets.items():
        target["output"] = [each.format(name) for each in target.get("output", ["type=image"])]
    file = buildx.served.scratch / "linked.json"
    file.write_text(json.dumps({"group": {"default": {"targets": list(targets)}}, "target": targets}))
    buildx("bake", "--file", file, cwd=buildx.served.scratch)
