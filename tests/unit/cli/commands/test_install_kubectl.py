"""`kubectl warmroute`: a link on PATH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.commands.install import kubectl_plugin
from cli.commands.install.kubectl_plugin import KubectlPluginOptions
from cli.commands.install.links import entry_point
from router.errors import UsageError

NOWHERE = KubectlPluginOptions()


@pytest.fixture(autouse=True)
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def test_the_link_goes_where_path_has_warmroute(on_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (on_path / "warmroute").symlink_to(entry_point("warmroute"))

    kubectl_plugin.install(NOWHERE)

    target = entry_point("kubectl-warmroute")
    assert str((on_path / "kubectl-warmroute").readlink()) == target
    said = capsys.readouterr()
    assert said.out == (
        f"kubectl warmroute installed: {on_path}/kubectl-warmroute leads to {target}\n"
        f"undo it with: warmroute uninstall kubectl-plugin {on_path}\n"
    )
    assert said.err == ""
    kubectl_plugin.uninstall(NOWHERE)
    assert [path.name for path in on_path.iterdir()] == ["warmroute"]


def test_installing_twice_and_removing_twice_changes_nothing_more(
    on_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = KubectlPluginOptions(directory=str(on_path))
    kubectl_plugin.install(there)
    before = (on_path / "kubectl-warmroute").lstat()
    kubectl_plugin.install(there)
    assert (on_path / "kubectl-warmroute").lstat() == before
    assert "is installed already" in capsys.readouterr().out

    kubectl_plugin.uninstall(there)
    assert on_path.is_dir()
    kubectl_plugin.uninstall(there)
    assert f"is not installed: there is no {on_path}/kubectl-warmroute" in capsys.readouterr().out


def test_the_directory_of_the_program_itself_needs_no_link(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = Path(entry_point("kubectl-warmroute"))
    monkeypatch.setenv("PATH", str(program.parent))
    before = program.lstat()

    kubectl_plugin.install(NOWHERE)

    assert program.lstat() == before
    assert "is installed already" in capsys.readouterr().out
    with pytest.raises(UsageError, match="not a link of warmroute's, and stays"):
        kubectl_plugin.uninstall(NOWHERE)


def test_a_directory_that_is_not_on_path_is_told(
    tmp_path: Path, on_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = KubectlPluginOptions(directory=str(tmp_path / "elsewhere"))
    kubectl_plugin.install(elsewhere)
    said = capsys.readouterr().err
    assert said == f"warmroute: kubectl will not run it: PATH doesn't have {tmp_path}/elsewhere\n"

    (on_path / "kubectl-warmroute").write_text("#!/bin/sh\n")
    (on_path / "kubectl-warmroute").chmod(0o755)
    kubectl_plugin.install(elsewhere)
    assert f"PATH finds {on_path}/kubectl-warmroute first" in capsys.readouterr().err


def test_what_is_not_ours_stays(on_path: Path) -> None:
    (on_path / "kubectl-warmroute").write_text("somebody's")
    there = KubectlPluginOptions(directory=str(on_path))

    with pytest.raises(UsageError, match="not a link of warmroute's"):
        kubectl_plugin.install(there)
    with pytest.raises(UsageError, match="not a link of warmroute's"):
        kubectl_plugin.uninstall(there)

    assert (on_path / "kubectl-warmroute").read_text() == "somebody's"


def test_without_warmroute_on_path_a_directory_has_to_be_named() -> None:
    assert os.listdir(os.environ["PATH"]) == []

    with pytest.raises(UsageError, match="warmroute is not on PATH"):
        kubectl_plugin.install(NOWHERE)
