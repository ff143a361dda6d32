"""A build that is cold because its key's home moved to a daemon that was added."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from router import BuildRouter, Key, RouterConfig
from tests.addressed import addressed
from tests.e2e.builder import write_tree
from tests.e2e.processes import Installed
from tests.servers.buildkitd import Buildkitd, start_buildkitd


@pytest.fixture
def fourth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildkitd]:
    with start_buildkitd(tmp_path_factory.mktemp("buildkitd")) as daemon:
        yield daemon


def _home(addresses: dict[str, str], key: str) -> str:
    with BuildRouter(RouterConfig(addresses=addressed(*addresses.items())), environment={}) as router:
        home = router.route(Key.own(key)).home
    assert home is not None
    return home.name


def test_the_first_build_at_the_new_home_names_the_home_before(
    buildkitd_three: tuple[Buildkitd, ...], fourth: Buildkitd, tmp_path: Path
) -> None:
    three = {f"d{number}": daemon.address for number, daemon in enumerate(buildkitd_three)}
    four = {**three, "d3": fourth.address}
    keys = (f"moved-{uuid.uuid4().hex}" for _ in range(1000))
    key = next(key for key in keys if _home(four, key) == "d3")
    before = _home(three, key)
    content = {"Dockerfile": "FROM scratch\nCOPY a /\n", "a": uuid.uuid4().hex}
    context = write_tree(tmp_path / "context", content)
    metadata = tmp_path / "metadata.json"

    def build(fleet: dict[str, str], *options: str) -> tuple[str, dict[str, object]]:
        addr = ",".join(f"{name}={address}" for name, address in fleet.items())
        given = ("--addr", addr, "--key", key, "--metadata-file", str(metadata), *options)
        done = Installed().ok("build", *given, context)
        return done.stderr, json.loads(metadata.read_text())["warmroute.build"]

    first, _ = build(three)
    warm, _ = build(four)
    moved, left = build(four, "--spill=next")
    again, _ = build(four, "--spill=next")

    said = "the first build of this image here, as far as its history tells"
    assert f"warmroute: {said}\n" in first
    assert f"built on {before} (2nd choice): 1 of 1 step cached" in warm
    assert "built on d3 (home): 0 of 1 step cached" in moved
    assert f"{said} (its home moved from {before} to d3, because the fleet grew)\n" in moved
    assert left["miss"] == {"step": "[1/1] COPY a /", "reason": "first", "movedFrom": before}
    assert said not in again
