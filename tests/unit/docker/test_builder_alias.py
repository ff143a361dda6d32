"""``aliases.builder`` of the docker config: set, and put back exactly."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from router.docker.builder_alias import BuilderAlias
from router.errors import OutputError, UsageError

OURS = "warmroutebuilder"
WITHOUT = '{\n\t"unknownKey": [1.50,  2],\n\t"auths": {}\n}\n'


def alias(directory: Path) -> BuilderAlias:
    return BuilderAlias({"DOCKER_CONFIG": str(directory)})


def read(directory: Path) -> object:
    return json.loads((directory / "config.json").read_text())


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "{ }",
        "{\n}\n",
        WITHOUT,
        WITHOUT.replace("\n", "\r\n"),
        '{"aliases":{}}',
        '{"aliases": {"builder" :"buildx"}, "psFormat": "é\\u00e9"}',
        '{\n  "aliases": {\n    "builder": "buildx"\n  },\n  "x": 1\n}',
        '{"x": 1, "aliases": {"other": "y"}}',
        '{"aliases": {"builder": ""}}',
    ],
)
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_config_is_the_same_again_afterwards(tmp_path: Path, content: str, mode: int) -> None:
    config = tmp_path / "config.json"
    config.write_bytes(content.encode())
    config.chmod(mode)
    before = json.loads(content)

    assert alias(tmp_path).take(OURS)
    assert alias(tmp_path).builder == OURS
    assert read(tmp_path) == {**before, "aliases": {**before.get("aliases", {}), "builder": OURS}}
    assert config.stat().st_mode & 0o7777 == mode
    assert alias(tmp_path).give_back(OURS)

    assert config.read_bytes() == content.encode()
    assert config.stat().st_mode & 0o7777 == mode
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["config.json"]


def test_a_config_that_was_not_there_is_gone_afterwards(tmp_path: Path) -> None:
    directory = tmp_path / "docker"

    assert alias(directory).take(OURS)
    assert read(directory) == {"aliases": {"builder": OURS}}
    assert (directory / "config.json").stat().st_mode & 0o7777 == 0o600
    assert alias(directory).give_back(OURS)

    assert not (directory / "config.json").exists()


def test_what_docker_writes_in_between_stays(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"aliases": {"builder": "buildx"}}')
    alias(tmp_path).take(OURS)
    changed = {"auths": {"a.test": {"auth": "eDp5"}}, "aliases": {"builder": OURS}}
    (tmp_path / "config.json").write_text(json.dumps(changed, indent="\t"))

    assert alias(tmp_path).give_back(OURS)

    assert read(tmp_path) == {**changed, "aliases": {"builder": "buildx"}}


def test_a_config_of_ours_that_docker_has_used_meanwhile_is_not_removed(tmp_path: Path) -> None:
    alias(tmp_path).take(OURS)
    (tmp_path / "config.json").write_text('{"auths": {}, "aliases": {"builder": "warmroutebuilder"}}')

    alias(tmp_path).give_back(OURS)

    assert read(tmp_path) == {"auths": {}}


def test_an_alias_that_somebody_has_set_since_stays(tmp_path: Path) -> None:
    alias(tmp_path).take(OURS)
    (tmp_path / "config.json").write_text('{"aliases": {"builder": "buildx"}}')

    assert not alias(tmp_path).give_back(OURS)

    assert (tmp_path / "config.json").read_text() == '{"aliases": {"builder": "buildx"}}'
    assert not list((tmp_path / "cli-plugins").iterdir())


def test_taking_twice_and_giving_back_twice_changes_nothing_more(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"aliases": {"builder": "buildx"}}')
    assert alias(tmp_path).take(OURS)
    before = (tmp_path / "config.json").stat()
    assert not alias(tmp_path).take(OURS)
    assert (tmp_path / "config.json").stat() == before

    assert alias(tmp_path).give_back(OURS)
    assert not alias(tmp_path).give_back(OURS)
    assert read(tmp_path) == {"aliases": {"builder": "buildx"}}


def test_without_what_was_kept_the_alias_is_removed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(WITHOUT)
    alias(tmp_path).take(OURS)
    (tmp_path / "cli-plugins" / "warmroute-builder.json").write_text("{")

    alias(tmp_path).give_back(OURS)

    assert (tmp_path / "config.json").read_text() == WITHOUT


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", r"is not valid JSON \(line 1"),
        (b"{", r"is not valid JSON \(line 1"),
        (b'{"a": 1} {"b": 2}', "is not valid JSON"),
        (b"null", "is not a JSON object"),
        (b'{"x": "\xff"}', "is not text in UTF-8"),
        (b'{"aliases": []}', "has aliases that are not a JSON object"),
        (b'{"aliases": null}', "has aliases that are not a JSON object"),
        (b'{"aliases": {"builder": 1}}', "has an aliases.builder that is not a string"),
        (b'{"Aliases": {}}', "says Aliases, where docker writes aliases once"),
        (b'{"aliases": {}, "ALIASES": {}}', "says aliases and ALIASES, where"),
        (b'{"aliases": {}, "alias\\u0065s": {}}', "says aliases and aliases, where"),
    ],
)
def test_a_config_that_cannot_be_understood_is_left_alone(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "config.json").write_bytes(content)

    with pytest.raises(UsageError, match=why) as caught:
        alias(tmp_path)

    assert str(tmp_path / "config.json") in str(caught.value)
    assert "it was not changed" in str(caught.value)
    assert (tmp_path / "config.json").read_bytes() == content


def test_a_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("{}")
    (tmp_path / "config.json").symlink_to("real.json")

    with pytest.raises(UsageError, match="is a symbolic link"):
        alias(tmp_path)


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")

    with pytest.raises(UsageError, match="is not a regular file"):
        alias(tmp_path)


def test_the_config_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(UsageError, match="belongs to another user"):
        alias(tmp_path)


def test_a_config_that_changes_under_our_hands_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    ours = alias(tmp_path)
    (tmp_path / "config.json").write_text('{"auths": {}}')

    with pytest.raises(OutputError, match="has just been changed"):
        ours.take(OURS)

    assert (tmp_path / "config.json").read_text() == '{"auths": {}}'


def test_a_user_without_a_home_is_told() -> None:
    with pytest.raises(UsageError, match="no home directory") as caught:
        BuilderAlias({"HOME": ""})

    assert caught.value.hint == "set DOCKER_CONFIG"
