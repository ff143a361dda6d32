"""The links that put warmroute into other programs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli.commands.install import docker_plugin
from cli.commands.install.links import entry_point, link, unlink
from cli.docker_plugin import BUILDER
from router.errors import OutputError, UsageError

PLAIN = docker_plugin.DockerPluginOptions()
AS_BUILDER = docker_plugin.DockerPluginOptions(as_builder=True)


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The docker config's directory; it isn't there yet."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


def test_the_plugin_is_a_link_to_the_installed_program(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docker_plugin.install(PLAIN)

    plugin = config / "cli-plugins" / "docker-warmroute"
    target = plugin.readlink()
    assert target.is_absolute()
    assert os.access(target, os.X_OK)
    assert capsys.readouterr().out == (
        f"docker warmroute installed: {plugin} leads to {target}\n"
        "undo it with: warmroute uninstall docker-plugin\n"
    )


def test_installing_twice_and_removing_twice_changes_nothing_more(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docker_plugin.install(PLAIN)
    before = (config / "cli-plugins" / "docker-warmroute").lstat()
    docker_plugin.install(PLAIN)
    assert (config / "cli-plugins" / "docker-warmroute").lstat() == before
    assert "is installed already" in capsys.readouterr().out

    docker_plugin.uninstall()
    assert not (config / "cli-plugins").exists()
    docker_plugin.uninstall()
    assert "docker warmroute is not installed" in capsys.readouterr().out


def test_other_plugins_stay(config: Path) -> None:
    other = config / "cli-plugins" / "docker-buildx"
    other.parent.mkdir(parents=True)
    other.write_text("buildx")

    docker_plugin.install(PLAIN)
    docker_plugin.uninstall()

    assert [path.name for path in other.parent.iterdir()] == ["docker-buildx"]


def test_a_link_to_another_version_is_replaced(config: Path) -> None:
    plugin = config / "cli-plugins" / "docker-warmroute"
    plugin.parent.mkdir(parents=True)
    plugin.symlink_to("/gone/bin/docker-warmroute")

    docker_plugin.install(PLAIN)

    assert str(plugin.readlink()) == entry_point("docker-warmroute")


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_not_ours_is_neither_replaced_nor_removed(config: Path, kind: str) -> None:
    plugin = config / "cli-plugins" / "docker-warmroute"
    plugin.parent.mkdir(parents=True)
    if kind == "file":
        plugin.write_text("somebody's")
    else:
        plugin.symlink_to("/somebodys/program")
    before = plugin.lstat()

    with pytest.raises(UsageError, match="not a link of warmroute's"):
        docker_plugin.install(PLAIN)
    with pytest.raises(UsageError, match="not a link of warmroute's"):
        docker_plugin.uninstall()

    assert plugin.lstat() == before


def test_a_directory_that_cannot_be_made_is_told(config: Path) -> None:
    config.write_text("a file")

    with pytest.raises(OutputError, match=r"can't write .*docker-warmroute: not a directory"):
        docker_plugin.install(PLAIN)


def test_a_link_is_removed_only_by_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "directory" / "program"
    assert link(str(path), "/somewhere/one")

    assert not unlink(str(path), "other")
    assert unlink(str(path), "one")
    assert list(path.parent.iterdir()) == []


def test_a_program_that_is_not_installed_is_named() -> None:
    with pytest.raises(UsageError, match="docker-nothing is not installed beside warmroute"):
        entry_point("docker-nothing")


def test_as_builder_sets_the_alias_and_uninstall_takes_it_back(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.mkdir()
    (config / "config.json").write_text('{"aliases": {"builder": "buildx"}}')

    docker_plugin.install(AS_BUILDER)
    assert json.loads((config / "config.json").read_text()) == {"aliases": {"builder": BUILDER}}
    assert (config / "cli-plugins" / f"docker-{BUILDER}").readlink().name == "docker-warmroute"
    assert "as aliases.builder in place of buildx\n" in capsys.readouterr().out
    docker_plugin.install(AS_BUILDER)
    assert "docker build goes to warmroute already" in capsys.readouterr().out

    docker_plugin.uninstall()
    assert (config / "config.json").read_text() == '{"aliases": {"builder": "buildx"}}'
    assert [path.name for path in config.iterdir()] == ["config.json"]
    assert "docker build is docker's again" in capsys.readouterr().out


def test_a_config_that_cannot_be_changed_leaves_everything_as_it_was(config: Path) -> None:
    config.mkdir()
    (config / "config.json").write_text("{")

    with pytest.raises(UsageError, match="not valid JSON"):
        docker_plugin.install(AS_BUILDER)

    assert [path.name for path in config.iterdir()] == ["config.json"]
