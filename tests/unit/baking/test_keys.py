"""The keys of targets."""

from __future__ import annotations

import subprocess
from pathlib import Path

from router.baking.keys import BakeKeys


def test_a_target_with_an_image_has_the_key_that_build_would_have(tmp_path: Path) -> None:
    key = BakeKeys(str(tmp_path)).key("api", ("example.com/team/api:1", "other:2"))

    assert (key.key, key.rule) == ("example.com/team/api", "tag")


def test_without_an_image_it_is_the_definition_s_place_and_the_target_s_name(tmp_path: Path) -> None:
    key = BakeKeys(str(tmp_path)).key("api", ())

    assert (key.key, key.rule) == (f"{tmp_path}#api", "path")


def test_a_definition_in_a_repository_has_the_same_keys_in_every_checkout(tmp_path: Path) -> None:
    keys = set()
    for checkout in ("one", "two"):
        top = tmp_path / checkout
        (top / "deploy").mkdir(parents=True)
        subprocess.run(["git", "init", "-q", top], check=True)
        subprocess.run(
            ["git", "-C", top, "remote", "add", "origin", "https://example.com/team/mono.git"], check=True
        )
        keys.add(BakeKeys(str(top / "deploy")).key("api", ()))

    assert [(key.key, key.rule) for key in keys] == [("example.com/team/mono:deploy#api", "git")]


def test_the_user_s_own_key_is_that_of_all(tmp_path: Path) -> None:
    keys = BakeKeys(str(tmp_path), "mine")

    assert {keys.key("a", ()).key, keys.key("b", ("b:1",)).key} == {"mine"}
