"""The directories that several targets read."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.baking.keys import BakeKeys
from router.baking.requests import BakePlace, bake_builds
from router.baking.shared import shared_directories
from tests.unit.bake.definitions import planned


def test_a_directory_is_shared_that_several_read_under_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("app", "lib", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("app")
    text = """
    target "a" {
      context = "app"
      contexts = { lib = "lib", x = "docker-image://alpine" }
    }
    target "b" {
      context = "link"
      dockerfile = "../other/Dockerfile"
      contexts = { lib = "lib", x = "docker-image://alpine" }
    }
    target "c" {
      context = "https://example.com/r.git"
      contexts = { app = "app" }
    }
    """
    builds = bake_builds(planned(text, "*"), BakeKeys("."), BakePlace(environment={}, local="linux/amd64"))

    assert shared_directories(builds) == {("context", str(tmp_path / "app")), ("lib", str(tmp_path / "lib"))}
    assert shared_directories(builds[:1]) == frozenset()
