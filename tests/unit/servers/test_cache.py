"""The cache of built servers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers.cache import ServerError, built, cache_root, folder_of, locked


@dataclass
class Recipe:
    """Counts its builds; fails when told to."""

    text: str = "recipe"
    fails: bool = False
    name: str = "thing"
    version: str = "v1"
    builds: list[Path] = field(default_factory=list)

    def fingerprint(self) -> str:
        return self.text

    def build(self, destination: Path) -> None:
        self.builds.append(destination)
        (destination / "half").write_text("")
        if self.fails:
            raise ServerError("no luck")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_recipe_is_built_once() -> None:
    recipe = Recipe()

    first, second = built(recipe), built(recipe)

    assert first == second
    assert len(recipe.builds) == 1
    assert first.parent == cache_root() / "thing"
    assert first.name.startswith("v1-")


def test_a_changed_recipe_does_not_find_the_old_result() -> None:
    assert folder_of(Recipe(text="one")) != folder_of(Recipe(text="two"))


def test_a_failed_build_leaves_nothing_that_looks_built() -> None:
    recipe = Recipe(fails=True)

    with pytest.raises(ServerError, match="no luck"):
        built(recipe)

    assert not folder_of(recipe).exists()
    assert not recipe.builds[0].exists()


def test_concurrent_callers_wait_for_one_build() -> None:
    recipe = Recipe()
    callers = [threading.Thread(target=built, args=(recipe,)) for _ in range(8)]

    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=30)

    assert len(recipe.builds) == 1


def test_a_lock_that_is_held_too_long_is_an_error(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock"),
        pytest.raises(ServerError, match="has held"),
        locked(tmp_path / "lock", 0),
    ):
        pass
